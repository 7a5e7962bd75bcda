"""What a model is measured by: metrics.toml names the metrics, and each module has functions that measure some."""
