"""Language models: Hugging Face to GGUF, importance matrices, quantization, perplexity and divergence."""
