"""ONNX models: graph optimization, quantization in each precision, sensitivity, comparison layer by layer."""
