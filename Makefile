# The whole interface for a developer; CI calls it too.
