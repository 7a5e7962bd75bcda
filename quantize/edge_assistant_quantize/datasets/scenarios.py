"""Scenarios: folders of signals with questions, and what a right answer to each has in it; see docs/scenarios.md."""

from __future__ import annotations

import fnmatch
import json
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputError, InputMissing, InputTooLarge
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Signal, take_file
from edge_assistant_quantize.datasets import gold

FILE = "scenario.toml"
GOLD = "evidence.json"
TYPES = ("lookup", "cross", "spontaneous", "conflict", "compute", "absent")
STATUSES = ("supported", "conflict", "not_in_evidence")
_MAX_BYTES = 4 << 20  # of scenario.toml and evidence.json; the gold evidence of an hour of speech is below 2 MB


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its right answer.

    Attributes:
        ask: the words.
        type: one of `TYPES`, for the tables.
        status: one of `STATUSES`.
        answer: entries that must all occur in the answer; `|` separates alternatives, see `scoring`.
        cites: ids of signals that the citations must cover.
    """

    ask: str
    type: str
    status: str
    answer: tuple[str, ...]
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A folder of signals, in the order in which they are handed over, and the questions about them."""

    id: str
    domain: str
    folder: Path
    given: tuple[tuple[Kind, Path], ...]
    questions: tuple[Question, ...]

    def take(self) -> list[Signal]:
        """The signals.

        Raises:
            InputError: one cannot be taken.
        """
        return [take_file(path, kind, number) for kind, path, number in self._numbered()]

    def gold(self) -> dict[str, tuple[Evidence, ...]]:
        """Gold evidence by id of the signal, of those that the folder's `evidence.json` has.

        Raises:
            InputCorrupt: the file is malformed, or speaks of another signal.
        """
        path = self.folder / GOLD
        if not path.is_file():
            return {}
        try:
            found = json.loads(_text(path))
        except (ValueError, RecursionError) as error:
            raise InputCorrupt(f"{self.id}/{GOLD} is malformed: {error}", _HINT) from None
        ids = {f"{kind}:{number}" for kind, _, number in self._numbered()}
        if not isinstance(found, dict) or not found.keys() <= ids:
            raise InputCorrupt(f"{self.id}/{GOLD} is malformed: its keys are not the signals' ids", _HINT)
        return {signal: gold.from_json(items, signal) for signal, items in found.items()}

    def _numbered(self) -> list[tuple[Kind, Path, int]]:
        kinds = [kind for kind, _ in self.given]
        return [(kind, path, kinds[: i + 1].count(kind)) for i, (kind, path) in enumerate(self.given)]


@dataclass(frozen=True, slots=True)
class Job:
    """One question of one scenario; `number` is its place there, from 0."""

    scenario: Scenario
    number: int

    @property
    def question(self) -> Question:
        """What is asked."""
        return self.scenario.questions[self.number]

    @property
    def key(self) -> tuple[str, str]:
        """What it is found again by in a file of results, though the set may have grown."""
        return self.scenario.id, self.question.ask


_HINT = "see docs/scenarios.md for its form"


def load(folder: Path, only: str | None = None) -> list[Scenario]:
    """The scenarios of a folder in the order of their names.

    Args:
        folder: holds a folder for each.
        only: a pattern that the names must match, such as `receipt-*`.

    Raises:
        InputMissing, InputEmpty: there is no such folder, or no such scenario in it.
        InputCorrupt: a scenario is malformed.
    """
    if not folder.is_dir():
        raise InputMissing(f"{folder.name or folder} is no folder", "name the folder that holds the scenarios")
    found = [path for path in sorted(folder.glob(f"*/{FILE}")) if fnmatch.fnmatch(path.parent.name, only or "*")]
    if not found:
        what = f"no scenario like {only}" if only else "no scenarios"
        raise InputEmpty(f"{folder.name} holds {what}", "name a folder of folders with a scenario.toml each")
    return [read(path) for path in found]


def read(path: Path) -> Scenario:
    """One scenario from its `scenario.toml`.

    Raises:
        InputCorrupt: it is malformed.
        InputMissing: a signal's file is not there.
    """
    name = path.parent.name
    try:
        data = tomllib.loads(_text(path))
        if data.get("id") != name:
            raise ValueError(f"id is {data.get('id')!r}, but the folder is named otherwise")
        given = tuple(_given(item, path.parent, n) for n, item in enumerate(_tables(data, "signals"), 1))
        kinds = [kind for kind, _ in given]
        ids = {f"{kind}:{number}" for kind in kinds for number in range(1, kinds.count(kind) + 1)}
        questions = tuple(_question(item, n, ids) for n, item in enumerate(_tables(data, "questions"), 1))
        return Scenario(name, _string(data, "domain", "it"), path.parent, given, questions)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputCorrupt(f"{name}/{FILE} is malformed: {error}", _HINT) from None


def jobs(
    scenarios: Sequence[Scenario], limit: int | None = None, sample: int | None = None, seed: int = 0
) -> list[Job]:
    """Every question in order: the first `limit`, and of these a sample that a seed draws."""
    found = [Job(scenario, number) for scenario in scenarios for number in range(len(scenario.questions))][:limit]
    return draw(found, sample, seed)


def draw(found: Sequence[Job], sample: int | None, seed: int) -> list[Job]:
    """A sample of questions in their own order; all of them where it is None or they are no more."""
    if sample is None or sample >= len(found):
        return list(found)
    return [found[i] for i in sorted(random.Random(seed).sample(range(len(found)), sample))]  # noqa: S311 - no secret


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InputTooLarge(f"{path.parent.name}/{path.name} is over {_MAX_BYTES:,} bytes", "make it smaller")
    return data.decode("utf-8")


def _tables(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = data.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        raise ValueError(f"it has no [[{key}]]")
    return found


def _given(item: Mapping[str, Any], folder: Path, number: int) -> tuple[Kind, Path]:
    where = f"signal {number}"
    kind, file = _string(item, "kind", where), _string(item, "file", where)
    if kind not in set(Kind):
        raise ValueError(f"{where} has the kind {kind!r}, not one of {', '.join(Kind)}")
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{where} is outside the folder: {file!r}")
    if not (folder / path).is_file():
        raise InputMissing(f"{folder.name}/{file} does not exist", f"put it there, or correct signal {number}")
    return Kind(kind), folder / path


def _question(item: Mapping[str, Any], number: int, ids: set[str]) -> Question:
    where = f"question {number}"
    kind, status = _string(item, "type", where), _string(item, "status", where)
    if kind not in TYPES:
        raise ValueError(f"{where} has the type {kind!r}, not one of {', '.join(TYPES)}")
    if status not in STATUSES:
        raise ValueError(f"{where} has the status {status!r}, not one of {', '.join(STATUSES)}")
    answer, cites = _strings(item, "answer", where), _strings(item, "cites", where)
    if strange := set(cites) - ids:
        raise ValueError(f"{where} cites {min(strange)!r}, which is no signal")
    if any(not part.strip() for entry in answer for part in entry.split("|")):
        raise ValueError(f"{where} has an empty entry in 'answer'")
    if bool(answer) == (status == "not_in_evidence"):
        raise ValueError(f"{where} needs an 'answer' unless its status is not_in_evidence, and only then")
    return Question(_string(item, "ask", where), kind, status, answer, cites)


def _string(item: Mapping[str, Any], key: str, where: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where} has no '{key}'")
    return value


def _strings(item: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = item.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError(f"{where} has no list of strings '{key}'")
    return tuple(value)
