"""What was asked and answered, kept on this machine, and brought out of it."""
