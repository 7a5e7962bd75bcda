"""Invented lines with personal data in known places, and lines that look like it and have none."""
