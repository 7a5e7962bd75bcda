"""The steps of recipes: one file a step. A new step is a new file with a `STEP`."""
