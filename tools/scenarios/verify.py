"""Is the gold surely right? Every answer is looked for again in what the signals say, numbers are computed anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from edge_assistant.bench.scoring import states
from scenarios.desk import AGREE
from scenarios.model import Question, Rest, Scenario, Signal, ids, transcript
from scenarios.series import compute

NEAR = 0.04  # of its value a rounded number may be off to agree
TYPES = ("lookup", "cross", "spontaneous", "conflict", "compute", "absent")


def faults(scenario: Scenario) -> list[str]:
    """What is wrong with a scenario, one line each; empty where every answer follows from the signals."""
    signals = dict(zip(ids(scenario.signals), scenario.signals, strict=True))
    found = []
    asked = [question.ask for question in scenario.questions]
    if len(set(asked)) < len(asked):
        found.append("a question stands twice")
    for question in scenario.questions:
        found += [f"{question.ask!r}: {fault}" for fault in _faults(question, signals)]
    return [f"{scenario.id}: {fault}" for fault in found]


def _faults(question: Question, signals: dict[str, Signal]) -> list[str]:
    if question.type not in TYPES:
        return [f"type {question.type}"]
    if question.type == "absent":
        good = question.status == "not_in_evidence" and not question.answer and not question.rests
        return [] if good else ["an absent fact has an answer"]
    if not question.answer or not question.rests:
        return ["no answer"]
    found = [fault for rest in question.rests for fault in _unfounded(rest, signals)]
    if question.status == "conflict" and len(question.cites) < 2:
        found.append("a conflict of one signal")
    told = [entry for rest in question.rests for entry in rest.entries]
    untold = [entry for entry in question.answer if entry not in told and not entry.startswith(AGREE)]
    found += [f"{entry!r} is told by nothing that it rests on" for entry in untold]
    if question.status == "supported" and question.type in ("spontaneous", "conflict"):
        found += _unlike(question.rests)
    if question.status == "conflict" and len({rest.entries for rest in question.rests if rest.entries}) < 2:
        found.append("a conflict of equal values")
    return found


def _unlike(rests: Sequence[Rest]) -> list[str]:
    """Whether what is to agree is told alike, or as a rounded number that is near."""
    exact, other = rests[0].entries, rests[-1].entries
    if exact == other:
        return []
    pairs = [(a.strip("~"), b.strip("~")) for a in exact[0].split("|") for b in other[0].split("|")]
    near = any(
        a == b or abs(float(b) / float(a) - 1) <= NEAR for a, b in pairs if a == b or (_number(a) and _number(b))
    )
    return [] if near else [f"{exact} and {other} are to agree"]


def _number(text: str) -> bool:
    return re.fullmatch(r"-?[1-9]\d*(\.\d+)?|0\.\d+", text) is not None


def _unfounded(rest: Rest, signals: dict[str, Signal]) -> list[str]:
    """Whether words stand in their signal, a computed number comes out again, and entries are found by the scorer."""
    signal = signals.get(rest.signal)
    if signal is None:
        return [f"there is no {rest.signal}"]
    if signal.kind == "readings":
        assert signal.series is not None
        shown = _shown(compute(signal.series.csv(), rest.words))
    elif rest.words.casefold() in signal.raw().casefold():
        shown = transcript(rest.words)
    else:
        return [f"{rest.words!r} does not stand in {rest.signal}"]
    return [f"{entry!r} is not found in {shown!r}" for entry in rest.entries if not _found(entry, shown)]


def _shown(value: float | datetime | None) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _found(entry: str, shown: str) -> bool:
    return states(shown, [entry])


def balance(scenarios: Sequence[Scenario]) -> dict[str, int]:
    """How many questions over two tellings agree and conflict."""
    over_two = [q for s in scenarios for q in s.questions if q.type in ("spontaneous", "conflict")]
    return {
        "agree": sum(q.status == "supported" for q in over_two),
        "conflict": sum(q.status == "conflict" for q in over_two),
    }
