"""Claims of sentences: what recordings and texts say."""
