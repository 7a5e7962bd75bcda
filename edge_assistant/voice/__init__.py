"""Spoken answers: text to what a person says, to phonemes, to sound."""
