"""The model portfolio: catalog, profiles, sources, store. It knows files and sums, not what models perceive."""
