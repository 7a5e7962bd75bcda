"""An example of a plugin; docs/plugins.md describes it."""
