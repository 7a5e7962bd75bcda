"""Signals made ready to be shown: decoded, cut out and laid out away from the interface."""
