"""Make our own scenario set: forms, receipts, plates, labels, readings, spoken and typed notes, photographs.

Everything is drawn by a seed, in the format of docs/scenarios.md, with `evidence.json` beside each: what a perfect
perception would give. The same seed gives the same bytes (of speech only on the same machine). Speech needs espeak-ng
and the Piper voice joe; `--no-speech` writes silence, which is good for gold evidence only. Photographs and their
labels come from a folder (`labels.json`: file name -> size, objects with label and box); without one they are drawings
of their labels with `--no-speech`, good for gold evidence only too, and left out with speech. The pictures look as they
should with the fonts Liberation and Breip.

    python tools/make_scenarios.py FOLDER --seed 1 --split dev --voice en_US-joe-medium.onnx --photos DIR
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import speak
from scenarios import build, verify
from scenarios.model import Scenario
from scenarios.phrases import SPLITS
from scenarios.write import Voices, write


def main() -> int:
    """Make, check and write the set; print what is in it."""
    parser = argparse.ArgumentParser(description="Make our own scenario set.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=SPLITS, default="dev", help="which of the four halves of the phrasings")
    parser.add_argument("--per-domain", type=int, default=14, metavar="N", help="scenarios of each domain")
    parser.add_argument("--only", choices=build.DOMAINS, help="one domain")
    parser.add_argument("--photos", type=Path, help="folder of photographs with labels.json")
    parser.add_argument("--voice", type=Path, help="the Piper voice joe's .onnx, its .onnx.json beside it")
    parser.add_argument("--no-speech", action="store_true", help="silence for what is spoken: for gold evidence only")
    args = parser.parse_args()
    if args.voice is None and not args.no_speech:
        parser.error("give --voice, or --no-speech for gold evidence only")
    scenarios = build.build(args.seed, args.split, args.per_domain, args.photos, args.only, drawn=args.no_speech)
    faults = [fault for scenario in scenarios for fault in verify.faults(scenario)]
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        return 1
    voices = None if args.no_speech else _voices(args.voice, args.seed)
    for number, scenario in enumerate(scenarios):
        write(scenario, args.folder, voices, args.seed * 10_000 + number)
    print(summary(scenarios))
    return 0


def _voices(model: Path, seed: int) -> Voices:
    return cache(lambda speed: speak.piper_voice(model, seed, speed))


def summary(scenarios: list[Scenario]) -> str:
    """How many questions there are, by domain, by type and by status."""
    questions = [(s.id.rsplit("-", 1)[0], q) for s in scenarios for q in s.questions]
    lines = [f"{len(scenarios)} scenarios, {len(questions)} questions"]
    for title, keys in (
        ("domain", [domain for domain, _ in questions]),
        ("type", [q.type for _, q in questions]),
        ("status", [q.status for _, q in questions]),
        ("told twice", [q.status for _, q in questions if q.type in ("spontaneous", "conflict")]),
    ):
        lines.append(f"by {title}: " + ", ".join(f"{key} {count}" for key, count in sorted(Counter(keys).items())))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
