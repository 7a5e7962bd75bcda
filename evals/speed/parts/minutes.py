"""Ten minutes of speech in one recording, against faster-whisper int8 that hears several windows at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from edge_assistant_quantize.datasets.data import LabelledRecording
from evals.speed import recordings
from evals.speed.part import Setting
from evals.speed.parts.utterance import product, reference, wrong_words
from evals.speed.rows import Limit, Row

NAME = "minutes"
HELP = "ten minutes of speech against faster-whisper int8, batched"
SECONDS = (270.0, 60.0)
ORDER = 5
SIGNALS = False
AGAINST = "faster-whisper base int8, greedy, batched"
BATCH = 8  # windows at once, faster-whisper's own default
_LENGTH_S = (600.0, 60.0)
_MOST_REPEATS = 3
_MOST = 0.9


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    length, repeats = _LENGTH_S[setting.quick], min(_MOST_REPEATS, setting.repeats)
    if setting.recordings is None:
        spoken: Sequence[LabelledRecording] = [recordings.talk(setting.portfolio, length, setting.folder / "talk.wav")]
    else:
        spoken = recordings.of_folder(setting.recordings, (length / 2, length * 2))[:1]
    hearing = {"ours": product(setting), "theirs": reference(setting, BATCH)}
    texts: dict[str, list[str]] = {name: [] for name in hearing}
    seconds: dict[str, list[float]] = {name: [] for name in hearing}
    setting.step(0.1)
    for number in range(repeats):
        for place, name in enumerate(list(hearing)[:: -1 if number % 2 else 1]):
            began = time.perf_counter()
            texts[name].append(hearing[name](spoken[0].path))
            seconds[name].append(time.perf_counter() - began)
            setting.step(0.1 + 0.9 * (number + (place + 1) / 2) / repeats)
    what = f"{length / 60:g} minutes of speech"
    yield Row("minutes.time", what, "s", tuple(seconds["ours"]), tuple(seconds["theirs"]), AGAINST, limit=Limit(_MOST))
    yield wrong_words(
        "minutes.words", [spoken[0].said], {name: heard[:1] for name, heard in texts.items()}, AGAINST, None
    )
