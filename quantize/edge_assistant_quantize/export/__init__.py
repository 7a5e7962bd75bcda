"""Export to ONNX with optimum: the one place that needs torch and transformers (extra `quantize`)."""
