"""Turn what can be had into ONNX, tensor by tensor; one file a source format."""
