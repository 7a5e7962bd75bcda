"""Edge Assistant's headless core: signals in, cited answers out, without a network."""

__version__ = "0.1.0"
