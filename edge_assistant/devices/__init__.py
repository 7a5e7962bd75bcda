"""Cameras, microphones, speakers and readings that are followed, each with one life: list, open, read, lost, back."""
