"""Data that models are measured and calibrated on: rendered pages, recordings, labelled photographs, scenarios."""
