"""Weights of other formats to ONNX: one module each, an entry point of `edge_assistant.importers` in pyproject.toml.

An importer has `INPUTS`, the keys of the files that it reads, and `convert`. The same input gives the same bytes.
"""
