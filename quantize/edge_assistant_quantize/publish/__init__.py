"""Into the user's catalog and store."""
