"""The quantization toolkit: from the weights of a model to an accepted entry of the catalog."""
