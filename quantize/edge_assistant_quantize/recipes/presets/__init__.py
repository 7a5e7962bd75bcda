"""The recipes that come with the package, one for each sense; a person's own recipe extends one."""
