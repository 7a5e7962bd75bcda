"""Signals perceived side by side: the evidence, the events and the faults are those of one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.plain_model import PlainEngine
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Halt, Runtime
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import (
    EdgeAssistantError,
    InputCorrupt,
    ModelCorrupt,
    ModelMissing,
    PolicyRefused,
    Stopped,
    StorageFull,
)
from edge_assistant.core.events import Event, Failed, Noted, Perceived, Perceiving, Understood
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.perception.gather import Gathering, Perceive
from edge_assistant.perception.sense import Percept, Request, Sense, senses
from edge_assistant.reasoning.route import plan
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LANES = (1, 2, 4)

MISSING = ModelMissing("not there", "pull it")
FAULTS: dict[str, EdgeAssistantError] = {
    "corrupt": InputCorrupt("damaged", "send it again"),
    "missing": MISSING,
    "model": ModelCorrupt("damaged", "verify it"),
}


def signal(kind: Kind, number: int = 1) -> Signal:
    return take_bytes(f"{kind}{number}".encode(), kind, number, origin=Origin.USER, name=f"{kind} {number}")


class Scripted:
    """Perceives by a script: for a sense and a signal the number of pieces, or a fault, when it is opened or later."""

    def __init__(self, script: dict[tuple[str, str], int | EdgeAssistantError], opening: Sequence[str] = ()) -> None:
        self.script = script
        self.opening = opening
        self.running: set[Kind] = set()

    def __call__(self, kind: type[Sense]) -> Perceive:
        if kind.name in self.opening:
            raise MISSING
        return lambda signal, request: self._perceive(kind, signal, request)

    def _perceive(self, kind: type[Sense], signal: Signal, request: Request) -> Percept:
        assert signal.kind not in self.running, "a sense takes one signal at a time"
        self.running.add(signal.kind)
        request.progress(0.5)
        made = self.script.get((kind.name, signal.id), 1)
        self.running.discard(signal.kind)
        if isinstance(made, EdgeAssistantError):
            raise made
        found = [
            Evidence("", signal.id, f"{kind.name} {n}", None, Locator(chars=(0, 1)), Passage()) for n in range(made)
        ]
        return Percept(tuple(found), notes=(f"{kind.name} of {signal.id}",))


Come = tuple[list[str], list[Event], list[str], str]


def gathered(signals: Sequence[Signal], lanes: int, perceiver: Scripted, *, strict: bool = False) -> Come:
    """The evidence, the events but for progress, what failed, and what was raised."""
    events: list[Event] = []
    gathering = Gathering(perceiver, events.append, Request(), strict=strict)
    steps = plan(signals, senses())
    raised = ""
    try:
        gathering.take([(each, [kind for s, kind in steps if s is each]) for each in signals], Halt(), lanes)
    except EdgeAssistantError as error:
        raised = str(error)
    found = [f"{item.id} {item.text}" for sensed in gathering.sensed for item in sensed.evidence]
    told = [replace(event, seconds=0.0) if isinstance(event, Perceived) else event for event in events]
    return (
        found,
        [event for event in told if not isinstance(event, Perceiving | Understood)],
        [failure.signal for failure in gathering.failed],
        raised,
    )


KINDS = st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=6)
MADE = st.integers(0, 3) | st.sampled_from(sorted(FAULTS)).map(FAULTS.__getitem__)


@given(KINDS, st.data())
def test_the_same_comes_of_it_as_of_one_after_the_other(kinds: list[Kind], data: st.DataObject) -> None:
    signals = [signal(kind, number) for number, kind in enumerate(kinds)]
    script = {(kind.name, each.id): data.draw(MADE) for each, kind in plan(signals, senses())}
    opening, strict = data.draw(st.lists(st.sampled_from(["objects", "speech"]))), data.draw(st.booleans())
    one = gathered(signals, 1, Scripted(script, opening), strict=strict)
    assert gathered(signals, 3, Scripted(script, opening), strict=strict) == one
    found = one[0]
    assert len({line.split()[0] for line in found}) == len(found)


@pytest.mark.parametrize("lanes", LANES)
def test_a_fault_in_one_signal_takes_no_other_with_it(lanes: int) -> None:
    signals = [signal(Kind.IMAGE), signal(Kind.AUDIO), signal(Kind.TEXT)]
    found, events, failed, raised = gathered(signals, lanes, Scripted({("objects", "image:1"): FAULTS["corrupt"]}))
    assert (failed, raised) == (["image:1"], "")
    assert found == ["E1 speech 0", "E2 text 0"]
    assert [type(event) for event in events] == [Failed, Noted, Perceived, Noted, Perceived]


@pytest.mark.parametrize("lanes", LANES)
def test_the_first_fault_in_the_order_of_the_signals_is_raised_where_one_is_too_many(lanes: int) -> None:
    script = {("writing", "image:1"): InputCorrupt("first", ""), ("text", "text:1"): InputCorrupt("second", "")}
    signals = [signal(Kind.AUDIO), signal(Kind.IMAGE), signal(Kind.TEXT)]
    _, events, _, raised = gathered(signals, lanes, Scripted(script), strict=True)
    assert raised.startswith("first")
    assert [event.signal for event in events if isinstance(event, Perceived)] == ["audio:1", "image:1"]


@pytest.mark.parametrize("error", [StorageFull("full", "make room"), PolicyRefused("no", "ask"), Stopped("stop", "")])
def test_what_the_watcher_raises_ends_all(error: EdgeAssistantError) -> None:
    halt, threads = Halt(), set[int]()

    def watch(event: Event) -> None:
        threads.add(threading.get_ident())
        if isinstance(event, Perceived):
            raise error

    gathering = Gathering(Scripted({}), watch, Request(), strict=False)
    before = threading.active_count()
    with pytest.raises(type(error)):
        gathering.take([(signal(kind), [sense]) for kind, sense in FIRST.items()], halt, 4)
    assert (threads, halt.asked, threading.active_count()) == ({threading.get_ident()}, False, before)


FIRST = {kind: next(sense for sense in senses() if kind in sense.kinds) for kind in Kind}


def test_a_signal_whose_file_is_gone_is_a_failure_among_the_others(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("It rained.")
    taken = take_file(tmp_path / "note.txt", Kind.TEXT, 1)
    (tmp_path / "note.txt").unlink()

    def perceiver(kind: type[Sense]) -> Perceive:
        return kind({}, Runtime(2)).perceive if kind.name == "text" else Scripted({})(kind)

    gathering = Gathering(perceiver, lambda event: None, Request(), strict=False)
    gathering.take([(taken, [FIRST[Kind.TEXT]]), (signal(Kind.AUDIO), [FIRST[Kind.AUDIO]])], Halt(), 2)
    assert [failure.code for failure in gathering.failed] == ["input.missing"]
    assert [sensed.signal.id for sensed in gathering.sensed] == ["audio:1"]


@pytest.fixture
def check(store: Path, home: Path) -> Callable[[int], tuple[Answer, list[Event]]]:
    def run(threads: int) -> tuple[Answer, list[Event]]:
        events: list[Event] = []
        made = Assistant(Portfolio(store, home / "catalog"), "test", runtime=Runtime(threads), engine=PlainEngine)
        given = [("expense/receipt.jpg", Kind.IMAGE), ("clinic/vitals.csv", Kind.READINGS)]
        return made.check([take_file(EXAMPLES / name, kind, 1) for name, kind in given], events.append), events

    return run


def test_real_signals_side_by_side_give_the_same_answer(check: Callable[[int], tuple[Answer, list[Event]]]) -> None:
    (one, told), (two, also) = check(1), check(2)
    strip = {"timings": None}
    assert two.to_json() | strip == one.to_json() | strip
    perceived = [[(e.signal, e.sense) for e in events if isinstance(e, Perceived)] for events in (told, also)]
    assert perceived[0] == perceived[1]
    assert {e.id for e in two.evidence} == {f"E{n + 1}" for n in range(len(two.evidence))}
