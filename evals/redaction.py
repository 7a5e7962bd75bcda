"""Redaction: personal data that is found in invented lines, what is taken for some, and the time on hostile lines.

The lines are made anew from a seed. Those of the first set of templates are what the rules were made by; those of the
second were written afterwards. The tagger learnt from neither. docs/redaction.md has what was found in lines of others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge_assistant.governance.redaction.kinds import PiiKind, PiiMatch
from edge_assistant.governance.redaction.redactor import Redactor
from evals.personal.lines import SETS, Line, Span, lines

NAME = "redaction"
HELP = "personal data found in invented lines, and the time of lines made to take long"
LEAST_RECALL, LEAST_PRECISION = 0.98, 0.95  # of structured kinds together
UNSTRUCTURED = frozenset({PiiKind.PERSON})  # found by the words around them only
LENGTHS = (50_000, 100_000, 200_000, 400_000)  # characters of a hostile line
_BAR = 40  # characters of the longest bar
_RIGHT = 0.5  # of the characters of what was found that have to be personal data
HOSTILE = {
    "all digits": "1",
    "digits apart": "1 ",
    "all @": "@",
    "@ between letters": "a@",
    "@ and full stops": "a@b.",
    "all spaces": " ",
    "all letters": "A",
    "words": "Aa ",
    "cards that fail": "4111 ",
    "IBANs that fail": "GB82 ",
    "telephone numbers": "07700 900123 ",
    "titles": "Mr Smith ",
    "labels": "DOB MRN Name: ",
    "dictated": "oh double seven, ",
    "houses": "1 Aa ",
    "accents": "é1\u0301 ",
    "pseudonyms": "[PHONE-1]",
}


@dataclass(frozen=True, slots=True)
class Score:
    """What was found of one kind, or of several; shares are 0..1."""

    there: int  # how many values are in the lines
    recall: float  # of these, those that are found with every letter and digit
    named: float  # of these, those that are found under their kind
    found: int  # how many values are found under the kind
    precision: float  # of these, those that are personal data by at least half of their characters


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--lines", type=int, default=2_000, help="of each set (default: 2,000)")
    parser.add_argument("--seed", type=int, default=5, help="of the invented lines (default: 5)")
    parser.add_argument("--missed", action="store_true", help="print the lines in which something is missed or wrong")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 where the first set falls short."""
    made = {name: lines(args.lines, args.seed, name) for name in SETS}
    scores = {name: score(found) for name, found in made.items()}
    seconds = {name: [took(part, length) for length in LENGTHS] for name, part in HOSTILE.items()}
    total = scores[SETS[0]]["structured"]
    status = int(total.recall < LEAST_RECALL or total.precision < LEAST_PRECISION)
    if args.json:
        shown = {name: {kind: asdict(one) for kind, one in found.items()} for name, found in scores.items()}
        print(json.dumps({"lines": args.lines, "seed": args.seed, "scores": shown, "seconds": seconds}))
        return status
    for name, found in scores.items():
        _print_scores(f"{name}: {args.lines:,} lines, seed {args.seed}", found)
        if args.missed:
            _print_missed(made[name])
    _print_seconds(seconds)
    return status


def score(made: Iterable[Line]) -> dict[str, Score]:
    """The lines redacted, each as a conversation of its own; by kind, and all kinds but names together."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in (*PiiKind, "structured")}
    for line in made:
        found = _redact(line.text)
        for span in line.spans:
            hit, named = _is_covered(line.text, span, found), _is_named(span, found)
            for name in _groups(span.kind):
                counts[name].update(there=1, recalled=hit, named=named)
        for one in found:
            for name in _groups(one.kind):
                counts[name].update(found=1, right=_right(one, line.spans))
    return {name: _score(tally) for name, tally in counts.items() if tally["there"] or tally["found"]}


def took(part: str, length: int) -> float:
    """Seconds of the processor for a line of a part again and again."""
    line = (part * (length // len(part) + 1))[:length]
    redactor = Redactor(bytes(32))
    start = time.process_time()
    redactor.redact(line)
    return time.process_time() - start


def _redact(text: str) -> Sequence[PiiMatch]:
    return Redactor(bytes(32)).redact(text).found


def _groups(kind: str) -> tuple[str, ...]:
    return (kind,) if kind in UNSTRUCTURED else (kind, "structured")


def _is_covered(text: str, span: Span, found: Sequence[PiiMatch]) -> bool:
    """Whether nothing of a value is left that can be read."""
    places = [place for place in range(span.start, span.end) if text[place].isalnum()]
    return all(any(one.start <= place < one.end for one in found) for place in places)


def _is_named(span: Span, found: Sequence[PiiMatch]) -> bool:
    return any(one.kind == span.kind and one.start < span.end and span.start < one.end for one in found)


def _right(one: PiiMatch, spans: Sequence[Span]) -> bool:
    shared = sum(max(0, min(one.end, span.end) - max(one.start, span.start)) for span in spans)
    return shared >= _RIGHT * (one.end - one.start)


def _score(tally: Mapping[str, int]) -> Score:
    there, found = tally["there"], tally["found"]
    recalled, named = (tally[name] / there if there else 1.0 for name in ("recalled", "named"))
    return Score(there, recalled, named, found, tally["right"] / found if found else 1.0)


def _print_scores(title: str, scores: Mapping[str, Score]) -> None:
    print(f"{title}\n  {'kind':12}{'there':>7}{'recall':>9}{'as such':>9}{'found':>7}{'precision':>11}")
    for name, one in scores.items():
        shares = f"{one.recall:>9.1%}{one.named:>9.1%}{one.found:>7}{one.precision:>11.1%}"
        print(f"  {name:12}{one.there:>7}{shares}")
    print()


def _print_missed(made: Iterable[Line]) -> None:
    for line in made:
        found = _redact(line.text)
        missed = [line.text[s.start : s.end] for s in line.spans if not _is_covered(line.text, s, found)]
        wrong = [line.text[one.start : one.end] for one in found if not _right(one, line.spans)]
        if missed or wrong:
            print(f"  {line.text}\n    missed {missed}, wrong {wrong}")
    print()


def _print_seconds(seconds: Mapping[str, Any]) -> None:
    """A table with a bar for each length, on one scale for each kind of line: twice the length, twice the bar."""
    print("seconds of one core for a line of " + ", ".join(f"{length:,}" for length in LENGTHS) + " characters")
    for name, taken in seconds.items():
        print(f"  {name}")
        longest = max(taken) or 1.0  # short lines take less than the clock tells
        for length, one in zip(LENGTHS, taken, strict=True):
            print(f"    {length:>8,} {one:8.3f} s {'#' * max(1, round(_BAR * one / longest))}")
