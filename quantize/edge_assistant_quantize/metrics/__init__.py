"""What a model is measured by: one file a metric. A new metric is a new file with a `METRIC`."""
