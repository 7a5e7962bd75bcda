"""Signal to evidence: one file a sense."""
