"""Write `evidence.json` beside scenarios from the exact writing of their pictures and the words of their recordings.

    python tools/gold_evidence.py FOLDER

Beside a picture `list.jpg` lies `list.jpg.txt`: its lines from top to bottom, the parts of a line two spaces apart. The
words of a recording stand in `said` of scenario.toml. A signal that has neither is perceived. See docs/scenarios.md.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINE = 30  # pixels from one line to the next; nobody measures where gold evidence stands
SECONDS = 3.0  # of a sentence, likewise


def writing(text: str) -> Iterator[dict[str, Any]]:
    """The lines of a picture as evidence."""
    for number, line in enumerate(filter(str.strip, text.splitlines())):
        cells = re.split(r"\s{2,}", line.strip())
        yield {
            "text": " ".join(cells),
            "confidence": 1.0,
            "locator": {"box": [0, LINE * number, 600, LINE]},
            "detail": {"kind": "line", "cells": cells},
        }


def speech(text: str) -> Iterator[dict[str, Any]]:
    """The sentences of a recording as evidence."""
    for number, sentence in enumerate(
        re.split(r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<=[.!?])\s+", text.strip())
    ):
        begin = SECONDS * number
        words = sentence.split()
        step = SECONDS / len(words)
        timed = [
            {"text": word, "start": begin + i * step, "end": begin + (i + 1) * step, "probability": 1.0}
            for i, word in enumerate(words)
        ]
        yield {
            "text": sentence,
            "confidence": None,
            "locator": {"seconds": [begin, begin + SECONDS]},
            "detail": {"kind": "speech", "words": timed, "language": "en"},
        }


def gold(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The evidence of a scenario by id of the signal."""
    found: dict[str, list[dict[str, Any]]] = {}
    numbers: dict[str, int] = {}
    for signal in tomllib.loads((folder / "scenario.toml").read_text("utf-8"))["signals"]:
        numbers[signal["kind"]] = numbers.get(signal["kind"], 0) + 1
        id = f"{signal['kind']}:{numbers[signal['kind']]}"
        beside = folder / f"{signal['file']}.txt"
        if beside.is_file():
            found[id] = [*writing(beside.read_text("utf-8"))]
        elif "said" in signal:
            found[id] = [*speech(signal["said"])]
    return found


def main() -> None:
    """Write them all."""
    for path in sorted(Path(sys.argv[1]).glob("*/scenario.toml")):
        (path.parent / "evidence.json").write_text(json.dumps(gold(path.parent), ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
