"""Weights of other formats to ONNX: one module each, an entry point of `edge_assistant.importers` in pyproject.toml.

An importer has `INPUTS`, the keys of the files that it reads, and `convert(inputs, output, quantization=None)`: these
files by key, an existing folder, and the name of a quantization of what it writes. The same input gives the same bytes.
It raises `ModelCorrupt` if the source is damaged or another model, `CatalogInvalid` if there is no such quantization.
"""
