"""Evaluations: one file a benchmark, with NAME, HELP, configure(parser) and run(args) as a verb of `bench`."""
