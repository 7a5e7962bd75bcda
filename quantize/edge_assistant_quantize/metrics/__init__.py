"""What a model is measured by: each module has some in `METRICS`."""
