"""The verbs of `edge-quantize`: a declaration and a function each; `main` imports every file."""
