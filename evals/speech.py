"""Speech: word error and time on spoken texts against faster-whisper with the same weights, alternating in one run.

The words are compared with faster-whisper in float32, the time with faster-whisper in int8; both greedy, on as many
threads as the product.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception.sense import Request
from edge_assistant.perception.senses.speech import SpeechSense
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import LabelledRecording, corpus
from edge_assistant_quantize.metrics.transcripts import normalised

NAME = "speech"
HELP = "word error and time on spoken texts against faster-whisper"
EXTRA = "pip install 'edge-assistant-offline[bench]'"
REFERENCE = "faster-whisper-base"
_SHORT = (3.0, 5.0)  # seconds of the recordings that count as an utterance of 4 s

Transcribe = Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Heard:
    """What each transcriber made of one recording, and the seconds that it took."""

    duration: float
    text: dict[str, str]
    seconds: dict[str, float]


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="recordings *.wav with *.txt beside, or scenarios")
    parser.add_argument("--model", default="whisper-base", metavar="NAME", help="ours (default: whisper-base)")
    parser.add_argument("--reference-model", type=Path, metavar="DIR", help=f"the same for CTranslate2 ({REFERENCE})")
    parser.add_argument("--language", default="en", metavar="L", help="spoken language (default: en)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N recordings")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0.

    Raises:
        UsageError: there is nothing to measure, or what the baseline needs is not installed.
        ModelError: a model is missing.
    """
    recordings = corpus(args.folder)[: args.limit]
    if not recordings:
        raise UsageError(
            f"{args.folder.name} holds no recordings with their words", "name a folder of *.wav with *.txt"
        )
    transcribers = _transcribers(args)
    for transcribe in transcribers.values():
        transcribe(recordings[0].path)  # loads what is loaded when first needed
    heard = []
    for number, spoken in enumerate(recordings, 1):
        print(f"recording {number} of {len(recordings)}", file=sys.stderr)
        heard.append(_hear(spoken, transcribers, number))
    result = figures([spoken.said for spoken in recordings], heard)
    if args.json:
        print(json.dumps(result))
        return 0
    print(f"{result['recordings']} recordings, {result['words']:,} words, alternating:")
    for name in transcribers:
        error, seconds = 100 * result["wer"][name], result["seconds"][name]
        print(f"  {name:22} word error {error:5.2f} %, {seconds:.3f} s a recording (median)")
    for label, ratio in result["ratio_to_int8"].items():
        print(f"  product / faster-whisper int8, {label}: " + ("none" if ratio is None else f"{ratio:.2f}"))
    return 0


def _transcribers(args: argparse.Namespace) -> dict[str, Transcribe]:
    try:
        import jiwer  # noqa: F401 - only whether it is there, before an hour of work
        from faster_whisper import WhisperModel
    except ImportError:
        raise UsageError("faster-whisper or jiwer is not installed", f"install them: {EXTRA}") from None
    portfolio, runtime = Portfolio(), Runtime.detect()
    sense = SpeechSense({"speech": portfolio.open(args.model), "vad": portfolio.open("silero-vad")}, runtime)
    folder = args.reference_model or portfolio.open(REFERENCE).files["model"].parent

    def product(path: Path) -> str:
        percept = sense.perceive(take_file(path, Kind.AUDIO, 1), Request(language=args.language))
        return " ".join(piece.text for piece in percept.evidence)

    def reference(precision: str) -> Transcribe:
        model = WhisperModel(str(folder), device="cpu", compute_type=precision, cpu_threads=runtime.threads)

        def transcribe(path: Path) -> str:
            segments, _ = model.transcribe(str(path), beam_size=1, language=args.language)
            return " ".join(segment.text for segment in segments)

        return transcribe

    return {
        "product": product,
        "faster-whisper int8": reference("int8"),
        "faster-whisper float32": reference("float32"),
    }


def _hear(spoken: LabelledRecording, transcribers: dict[str, Transcribe], number: int) -> Heard:
    """Let each transcribe a recording; who begins changes from one to the next."""
    order = list(transcribers)
    text, seconds = {}, {}
    for name in order[number % len(order) :] + order[: number % len(order)]:
        began = time.perf_counter()
        text[name] = transcribers[name](spoken.path)
        seconds[name] = time.perf_counter() - began
    return Heard(duration(spoken.path), text, seconds)


def duration(path: Path) -> float:
    """Seconds of a recording, as its container declares them."""
    import av

    with av.open(str(path)) as container:
        return (container.duration or 0) / 1e6


def figures(said: Sequence[str], heard: Sequence[Heard]) -> dict[str, Any]:
    """Word error of each transcriber, its median time, and the median ratio of ours to faster-whisper int8."""
    import jiwer

    names = list(heard[0].text)
    truth = [normalised(text) for text in said]
    ratios = [(one.duration, one.seconds["product"] / one.seconds["faster-whisper int8"]) for one in heard]
    short = [ratio for duration, ratio in ratios if _SHORT[0] <= duration <= _SHORT[1]]
    return {
        "recordings": len(heard),
        "words": sum(len(text.split()) for text in said),
        "wer": {name: jiwer.wer(truth, [normalised(one.text[name]) for one in heard]) for name in names},
        "seconds": {name: statistics.median(one.seconds[name] for one in heard) for name in names},
        "ratio_to_int8": {
            "all": statistics.median(ratio for _, ratio in ratios),
            "3 to 5 s": statistics.median(short) if short else None,
        },
    }
