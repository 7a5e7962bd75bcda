"""One file for each sense."""
