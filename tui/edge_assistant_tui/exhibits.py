"""What is shown of a piece of evidence or a computation, whether an answer cites it or a signal holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_assistant.core.evidence import Evidence, Locator, Statistic
from edge_assistant.reasoning import attribution

if TYPE_CHECKING:
    from edge_assistant.core.answer import Answer, Computation, Verdict
    from edge_assistant.core.signals import Kind, Signal


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One thing to look at.

    Attributes:
        id: as the answer cites it, `E3` or `C1`; `1`, `2`, ... among a signal's own evidence.
        text: what was perceived, or the formula with its value.
        name: what a person calls the signal.
        kind: of the signal; None where a computation rests on nothing that can be shown.
        signal: with its bytes, or None where the conversation no longer has it.
        places: where in it; a computation may rest on several.
        confidence: 0 to 1, or None where nothing was guessed.
        column: of readings, where one is meant.
        rests: ids of the evidence that a computation rests on.
        verdicts: of the answer, in which this is one of the values.
        around: the evidence of the same signal, in its order.
    """

    id: str
    text: str
    name: str
    kind: Kind | None
    signal: Signal | None
    places: tuple[Locator, ...]
    confidence: float | None = None
    column: str | None = None
    rests: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    around: tuple[Evidence, ...] = ()

    @property
    def place(self) -> Locator:
        """The first place."""
        return self.places[0] if self.places else Locator()


def of_answer(answer: Answer, there: Mapping[str, Signal], also: tuple[str, ...] = ()) -> tuple[Exhibit, ...]:
    """What an answer cites and computed, in the order in which they stand under it.

    Args:
        answer: as it was given, or as it came back from the history.
        there: the signals that the conversation has now, by id, for answers that came back without files.
        also: ids of evidence that it does not cite, and that is to be looked at too.
    """
    evidence = {item.id: item for item in answer.evidence}
    signals = {signal.id: signal for signal in answer.signals}
    by_signal: dict[str, list[Evidence]] = {}
    for item in answer.evidence:
        by_signal.setdefault(item.signal, []).append(item)

    def exhibit(item: Evidence) -> Exhibit:
        given = signals.get(item.signal)
        a, b = attribution.span(answer, item)
        return Exhibit(
            item.id,
            item.text[a:b],
            given.name if given is not None else item.signal,
            given.kind if given is not None else None,
            _with_bytes(given, there),
            (attribution.place(answer, item),),
            item.confidence,
            _column(item),
            verdicts=_verdicts(answer, (item.id,)),
            around=tuple(by_signal[item.signal]),
        )

    cited = [exhibit(evidence[id]) for id in dict.fromkeys((*answer.citations, *also)) if id in evidence]
    computed = [
        _computed(answer, computation, [exhibit(evidence[id]) for id in computation.evidence if id in evidence])
        for computation in answer.computed
    ]
    return (*cited, *computed)


def of_signal(signal: Signal, found: Iterable[Evidence]) -> tuple[Exhibit, ...]:
    """All that was perceived in a signal."""
    around = tuple(found)
    return tuple(
        Exhibit(
            str(number),
            item.text,
            signal.name,
            signal.kind,
            _with_bytes(signal, {}),
            (item.locator,),
            item.confidence,
            _column(item),
            around=around,
        )
        for number, item in enumerate(around, 1)
    )


def _computed(answer: Answer, computation: Computation, rests: list[Exhibit]) -> Exhibit:
    """A computation, shown where the first evidence that it rests on stands; readings before anything else."""
    rests.sort(key=lambda exhibit: exhibit.kind != "readings")
    first = rests[0] if rests else Exhibit("", "", "", None, None, ())
    same = [exhibit for exhibit in rests if exhibit.signal == first.signal]
    return replace(
        first,
        id=computation.id,
        text=f"{computation.formula} = {computation.value}",
        places=tuple(place for exhibit in same for place in exhibit.places),
        confidence=None,
        column=next((exhibit.column for exhibit in same if exhibit.column), None),
        rests=computation.evidence,
        verdicts=_verdicts(answer, (computation.id, *computation.evidence)),
    )


def _with_bytes(signal: Signal | None, there: Mapping[str, Signal]) -> Signal | None:
    """The signal itself, or the conversation's where that is the same; None where no bytes are to be had."""
    if signal is None or signal.path is not None or signal.data is not None:
        return signal
    now = there.get(signal.id)
    same = now is not None and now.sha256 == signal.sha256 and (now.path is not None or now.data is not None)
    return now if same else None


def _column(item: Evidence) -> str | None:
    return item.detail.column if isinstance(item.detail, Statistic) else None


def _verdicts(answer: Answer, ids: tuple[str, ...]) -> tuple[Verdict, ...]:
    return tuple(v for v in answer.verdicts if any(id in told.evidence for told in v.values for id in ids))
