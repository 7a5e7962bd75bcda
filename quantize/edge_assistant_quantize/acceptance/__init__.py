"""Whether a candidate may stand for its reference: paired comparison of what both did on the same items."""
