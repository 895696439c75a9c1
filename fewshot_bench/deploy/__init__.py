"""A method put to work: what a recommendation names, applied to pictures and exported."""
