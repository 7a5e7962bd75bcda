"""The one scheduler of cores and memory: how many threads, what side by side, which models stay, whose turn it is."""
