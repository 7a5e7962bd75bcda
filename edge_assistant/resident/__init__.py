"""The resident mode: a process that keeps the models and answers one command after another, over a socket."""
