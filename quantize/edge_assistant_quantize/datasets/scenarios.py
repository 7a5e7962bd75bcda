"""Scenarios: folders of signals with questions, and what a right answer to each has in it; see docs/scenarios.md."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputMissing
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Signal, take_file
from edge_assistant_models import toml
from edge_assistant_models.schema import is_inside
from edge_assistant_quantize import decoding
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.datasets import contents, gold
from edge_assistant_quantize.decoding import Text

FILE = "scenario.toml"
GOLD = "evidence.json"
_HINT = "see docs/scenarios.md for its form"

Type = Literal["lookup", "cross", "spontaneous", "conflict", "compute", "absent"]
Status = Literal["supported", "conflict", "not_in_evidence"]


class Question(Struct, frozen=True):
    """A question and its right answer."""

    ask: Text  # the words
    type: Type  # for the tables
    status: Status  # of the right answer
    answer: tuple[str, ...]  # entries that must all occur in the answer; `|` separates alternatives, see `scoring`
    cites: tuple[str, ...]  # ids of signals that the citations must cover

    def __post_init__(self) -> None:
        if any(not part.strip() for entry in self.answer for part in entry.split("|")):
            raise ValueError("an empty entry in 'answer'")
        if bool(self.answer) == (self.status == "not_in_evidence"):
            raise ValueError("an 'answer' is needed unless the status is not_in_evidence, and only then")


class _Signal(Struct, frozen=True):
    kind: Kind
    file: Text


class _File(Struct, frozen=True):
    """The content of `scenario.toml`; other keys are for the tools that make scenarios."""

    id: str
    domain: Text
    signals: Annotated[tuple[_Signal, ...], Meta(min_length=1)]
    questions: Annotated[tuple[Question, ...], Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A folder of signals, in the order in which they are handed over, and the questions about them."""

    id: str
    domain: str
    folder: Path
    given: tuple[tuple[Kind, Path], ...]
    questions: tuple[Question, ...]
    reads_gold: bool = False  # whether its gold evidence is read in place of its signals

    def take(self) -> list[Signal]:
        """The signals.

        Raises:
            InputError: one cannot be taken.
        """
        return [take_file(path, kind, int(id.partition(":")[2])) for id, (kind, path) in self.signals.items()]

    @property
    def signals(self) -> dict[str, tuple[Kind, Path]]:
        """The kind and the file of each signal by its id, such as `audio:1`."""
        numbers, found = Counter[Kind](), {}
        for kind, path in self.given:
            numbers[kind] += 1
            found[f"{kind}:{numbers[kind]}"] = kind, path
        return found

    @property
    def content(self) -> str:
        """The sum of what its signals hold, or of their gold evidence, whatever it and its files are called."""
        gold = self.gold() if self.reads_gold else {}
        sums = [
            contents.of_text(" ".join(each.text for each in gold[id])) if id in gold else contents.of_file(*signal)
            for id, signal in self.signals.items()
        ]
        return hashlib.sha256("".join(sorted(sums)).encode()).hexdigest()

    def sums(self, kinds: Collection[Kind]) -> set[str]:
        """The sums of its signals of some kinds."""
        return {sha256_of(path) for kind, path in self.given if kind in kinds}

    def gold(self) -> dict[str, tuple[Evidence, ...]]:
        """Gold evidence by id of the signal, of those that the folder's `evidence.json` has.

        Raises:
            InputCorrupt: the file is malformed, or speaks of another signal.
        """
        path = self.folder / GOLD
        if not path.is_file():
            return {}
        try:
            found = decoding.convert(json.loads(decoding.content(path)), dict[str, Any])
            if strange := found.keys() - self.signals.keys():
                raise ValueError(f"{min(strange)!r} is no signal")
            return {signal: gold.from_json(items, signal) for signal, items in found.items()}
        except (ValueError, RecursionError) as error:
            raise InputCorrupt(f"{self.id}/{GOLD} is malformed: {error}", _HINT) from None


@dataclass(frozen=True, slots=True)
class ScenarioJob:
    """One question of one scenario."""

    scenario: Scenario
    question: Question

    @property
    def key(self) -> tuple[str, str]:
        """What it is found again by in a file of results, though the set may have grown."""
        return self.scenario.id, self.question.ask


def load(folder: Path, only: str | None = None) -> list[Scenario]:
    """The scenarios of a folder in the order of their names; `only` is a pattern that these must match, as `receipt-*`.

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
    folder, name = path.parent, path.parent.name
    try:
        found = decoding.convert(toml.parse(decoding.content(path)), _File)
        given = tuple((signal.kind, folder / signal.file) for signal in found.signals)
        scenario = Scenario(name, found.domain, folder, given, found.questions)
        if found.id != name:
            raise ValueError(f"id is {found.id!r}, but the folder is named otherwise")
        if outside := [each.file for each in found.signals if not is_inside(each.file)]:
            raise ValueError(f"a signal is outside the folder: {outside[0]!r}")
        if strange := {signal for each in found.questions for signal in each.cites} - scenario.signals.keys():
            raise ValueError(f"{min(strange)!r} in 'cites' is no signal ({', '.join(sorted(scenario.signals))})")
    except ValueError as error:
        raise InputCorrupt(f"{name}/{FILE} is malformed: {error}", _HINT) from None
    if missing := [file.relative_to(folder).as_posix() for _, file in given if not file.is_file()]:
        raise InputMissing(f"{name}/{', '.join(missing)} does not exist", "put it there, or correct 'file'")
    return scenario


def jobs(scenarios: Sequence[Scenario], limit: int | None = None) -> list[ScenarioJob]:
    """Every question in order, or the first `limit`."""
    return [ScenarioJob(scenario, question) for scenario in scenarios for question in scenario.questions][:limit]


def of_jobs(asked: Iterable[ScenarioJob]) -> dict[str, Scenario]:
    """The scenarios of questions by id, each once."""
    return {job.scenario.id: job.scenario for job in asked}
