"""Utterances of some four seconds, against faster-whisper int8 with the same weights, words that are wrong included."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge_assistant.core.errors import UsageError
from edge_assistant_quantize.datasets.data import LabelledRecording
from edge_assistant_quantize.metrics.transcripts import normalised
from evals.speed import recordings
from evals.speed.part import EXTRA, Setting
from evals.speed.rows import How, Limit, Row

NAME = "utterance"
HELP = "an utterance of 4 s against faster-whisper int8, with the words that are wrong"
SECONDS = (300.0, 20.0)
ORDER = 4
SIGNALS = False
REFERENCE = "faster-whisper-base"
AGAINST = "faster-whisper base int8, greedy"
LENGTH = (3.2, 4.8)  # seconds, silence around it included
_COUNT = (240, 10)  # 2,500 words tell the difference of wrong ones to one point (95 %), the 630 of 60 to two
_MOST, _MOST_WORSE = 0.40, 0.5

Hear = Callable[[Path], str]


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    if setting.recordings is None:
        spoken: Sequence[LabelledRecording] = recordings.utterances(
            setting.portfolio, _COUNT[setting.quick], LENGTH, setting.folder
        )
    else:
        spoken = recordings.of_folder(setting.recordings, LENGTH)[: _COUNT[setting.quick]]
    hearing = {"ours": product(setting), "theirs": reference(setting)}
    for hear in hearing.values():
        hear(spoken[0].path)  # loads what is loaded when first needed
    seconds: dict[str, list[float]] = {name: [] for name in hearing}
    texts: dict[str, list[str]] = {name: [] for name in hearing}
    for number, one in enumerate(spoken):
        for name in list(hearing)[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            texts[name].append(hearing[name](one.path))
            seconds[name].append(time.perf_counter() - began)
        setting.step((number + 1) / len(spoken))
    yield Row(
        "utterance.time", f"an utterance of 4 s, each of {len(spoken)}", "s", tuple(seconds["ours"]),
        tuple(seconds["theirs"]), AGAINST, limit=Limit(_MOST),
    )  # fmt: skip
    yield wrong_words("utterance.words", [one.said for one in spoken], texts, AGAINST, Limit(_MOST_WORSE))


def wrong_words(name: str, said: Sequence[str], texts: dict[str, list[str]], against: str, limit: Limit | None) -> Row:
    """Word error in percent, of all that was said."""
    import jiwer

    truth = [normalised(text) for text in said]
    error = {who: 100 * jiwer.wer(truth, [normalised(text) for text in heard]) for who, heard in texts.items()}
    words = sum(len(text.split()) for text in truth)
    what = f"wrong words of {words:,}"
    return Row(
        name, what, "%", (error["ours"],), (error["theirs"],), against, How.DIFFERENCE, limit, details={"words": words}
    )


def product(setting: Setting) -> Hear:
    """What the product hears.

    Raises:
        ModelError: a model is missing.
    """
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.core.signals import Kind, take_file
    from edge_assistant.perception.sense import Request
    from edge_assistant.perception.senses.speech import SpeechSense

    chosen = setting.portfolio.resolve(setting.profile)
    models = {role: setting.portfolio.open(chosen[role]) for role in SpeechSense.roles}
    sense = SpeechSense(models, Runtime.detect())

    def hear(path: Path) -> str:
        percept = sense.perceive(take_file(path, Kind.AUDIO, 1), Request(language="en"))
        return " ".join(piece.text for piece in percept.evidence)

    return hear


def reference(setting: Setting, batch: int | None = None) -> Hear:
    """What faster-whisper hears; of long recordings as many windows at once as `batch` says.

    Raises:
        UsageError: it is not installed.
        ModelMissing: its weights are not.
    """
    from edge_assistant.compute.runtime import Runtime

    try:
        import jiwer  # noqa: F401 - only whether it is there, before minutes of work
        from faster_whisper import BatchedInferencePipeline, WhisperModel
    except ImportError:
        raise UsageError("faster-whisper or jiwer is not installed", f"install them: {EXTRA}") from None
    folder = setting.portfolio.open(REFERENCE).files["model"].parent
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=Runtime.detect().threads)
    transcribe = model.transcribe if batch is None else BatchedInferencePipeline(model).transcribe
    options = {"beam_size": 1, "language": "en"} | ({} if batch is None else {"batch_size": batch})

    def hear(path: Path) -> str:
        segments, _ = transcribe(str(path), **options)
        return " ".join(segment.text for segment in segments)

    return hear
