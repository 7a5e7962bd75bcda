"""Recipes: TOML files that lead from a source to an accepted model, run step by step, stopped and gone on with."""
