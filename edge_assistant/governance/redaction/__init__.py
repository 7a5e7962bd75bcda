"""Personal data found in a text by rules, and put out of it: pseudonyms stand for what was there."""
