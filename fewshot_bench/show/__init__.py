"""What results look like: on the terminal, as pictures, as a page."""
