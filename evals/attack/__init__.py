"""The corpus of attacks: what is put into signals to command the assistant, and what must not come of it."""
