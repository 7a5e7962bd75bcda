"""How the tagger of names is made: lists, lines, corpora, training."""
