"""How the outputs of importers are quantized: one TOML file each, `quantization.py` reads and applies them."""
