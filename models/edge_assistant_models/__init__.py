"""The model portfolio: catalog, profiles, sources, store. It knows files and sums, and nothing of what models perceive."""
