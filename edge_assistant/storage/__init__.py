"""Files and databases: written whole, opened safely, settings and the log."""
