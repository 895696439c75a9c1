"""Records become rows, names and tables."""
