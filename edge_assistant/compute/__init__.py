"""Threads, GPUs and who computes when."""
