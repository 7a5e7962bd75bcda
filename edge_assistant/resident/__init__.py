"""The resident mode: a process that keeps the models and answers the questions of commands over a socket."""
