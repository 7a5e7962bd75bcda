"""The keys that what is kept is sealed with: one for this machine, one for each conversation."""
