"""Sensor readings: questions over their rows, and what others say of them."""
