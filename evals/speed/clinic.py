"""A form, a spoken note and vital signs, made where no signals are given: as those of examples/clinic, by a seed."""

from __future__ import annotations

from pathlib import Path

from edge_assistant.core.signals import Kind
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets import pages, paper
from evals.speed import recordings

NOTE = (
    "This is a note about the patient. She told me on the telephone that she is allergic to penicillin, and that she "
    "had a rash after taking it two years ago. Please write it into the file before she comes on Monday."
)
_ROWS = 3_600  # an hour of vital signs, one a second


def signals(portfolio: Portfolio, folder: Path) -> tuple[tuple[Kind, str], ...]:
    """Make them in a folder.

    Raises:
        ModelMissing: the voice is not installed.
        VoiceUnavailable: espeak-ng is not.
    """
    import numpy as np

    form, note, vitals = folder / "form.jpg", folder / "note.wav", folder / "vitals.csv"
    paper.scan_look(pages.form(np.random.default_rng(1)).image, 1).save(form, quality=90)
    recordings.say(portfolio, NOTE, note)
    _vital_signs(vitals)
    return (Kind.IMAGE, str(form)), (Kind.AUDIO, str(note)), (Kind.READINGS, str(vitals))


def _vital_signs(path: Path) -> None:
    import numpy as np

    draw = np.random.default_rng(1)
    times = np.datetime64("2025-03-03T08:00:00") + np.arange(_ROWS)
    pulse = (72 + draw.normal(0, 0.05, _ROWS).cumsum()).round(1)
    heat = (36.8 + draw.normal(0, 0.002, _ROWS).cumsum()).round(2)
    rows = [f"{time},{beats},{degrees}\n" for time, beats, degrees in zip(times, pulse, heat, strict=True)]
    path.write_text("time,heart rate [bpm],temperature [degC]\n" + "".join(rows), "ascii")
