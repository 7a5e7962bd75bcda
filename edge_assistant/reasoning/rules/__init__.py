"""Words and rules as data: the vocabulary that ships, and what a domain file adds."""
