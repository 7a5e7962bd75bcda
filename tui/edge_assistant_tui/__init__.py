"""The app in the terminal: one conversation over all signals, with the evidence in sight."""
