"""The model reads each source alone and copies what it says; code finds, types, compares and computes."""
