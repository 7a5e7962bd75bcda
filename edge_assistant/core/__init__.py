"""What every part knows: signals, evidence, events, the answer, errors and limits."""
