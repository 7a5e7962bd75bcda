"""Approval: what was heard or read with too little confidence is confirmed by a human before an answer rests on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import PolicyRefused
from edge_assistant.core.events import Answered, Compared, Event, Said, Watch
from edge_assistant.core.evidence import Evidence, confidence_of
from edge_assistant.governance.policy.policy import Policy

RULE = "approval.confirm_below"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A value that a human has to confirm.

    Attributes:
        value: what the answer would rest on: a value, or all that a piece of evidence says.
        matter: what it is the value of, such as "dose of ibuprofen"; empty for a whole piece of evidence.
        evidence: what tells it most surely.
        confidence: that the value is the answer.
    """

    value: str
    matter: str
    evidence: Evidence
    confidence: float = 1.0

    @property
    def question(self) -> str:
        """What the human is asked."""
        told = " ".join(self.value.split())
        what = f"{self.matter}: {told}" if self.matter else told
        return f"{self.evidence.signal} says {what}, {confidence_of(self.sure)}: is that right?"

    @property
    def sure(self) -> float:
        """The probability that the value is perceived and read rightly, by the less sure of both."""
        return min(_sure(self.evidence), self.confidence)


Approve = Callable[[Sequence[Doubt]], bool]


def approving(policy: Policy, watch: Watch, approve: Approve | None) -> Watch:
    """A watch that hands on nothing of what is said until what it rests on is confirmed.

    Args:
        policy: says whether that is needed, and who may confirm.
        watch: the front end's.
        approve: asks a human; None where there is none.

    Returns:
        The watch itself where nothing has to be confirmed. Else one that raises `PolicyRefused` on `Answered` where a
        value is not confirmed.
    """
    below = policy.rules.approval.confirm_below
    if below is None:
        return watch
    held: list[Event] = []

    def holding(event: Event) -> None:
        if isinstance(event, Said | Compared | Answered):
            held.append(event)
        else:
            watch(event)
        if isinstance(event, Answered):
            _confirm(policy, tuple(doubts(event.answer, below)), approve)
            for kept in held:
                watch(kept)

    return holding


def doubts(answer: Answer, below: float) -> Iterator[Doubt]:
    """What an answer rests on and no evidence tells as surely as that; each value once.

    A value that one signal tells surely is not asked about because another one mumbles it.
    """
    by_id = {item.id: item for item in answer.evidence}
    weighed: set[str] = set()
    for verdict in answer.verdicts:
        for told in verdict.values:
            items = [by_id[id] for id in told.evidence]
            weighed.update(told.evidence)
            surest = max(items, key=_sure, default=None)
            if surest is None:
                continue
            doubt = Doubt(told.value, verdict.matter, surest, told.confidence)
            if doubt.sure < below:
                yield doubt
    rests = [*answer.citations, *(id for computation in answer.computed for id in computation.evidence)]
    for id in dict.fromkeys(rests):
        if id not in weighed and _sure(by_id[id]) < below:
            yield Doubt(by_id[id].text, "", by_id[id])


def _sure(item: Evidence) -> float:
    """What is not guessed, as a text or a reading, is sure."""
    return 1.0 if item.confidence is None else item.confidence


def about(doubtful: Sequence[Doubt]) -> dict[str, object]:
    """The rule and the pieces of evidence, for the audit trail; no content."""
    return {"rule": RULE, "evidence": [doubt.evidence.id for doubt in doubtful]}


def _confirm(policy: Policy, doubtful: Sequence[Doubt], approve: Approve | None) -> None:
    """Have every doubt confirmed; raises PolicyRefused if one is not, or nobody is there who may."""
    if not doubtful:
        return
    if approve is None:
        policy.record({"event": "nobody to confirm", **about(doubtful)})
        who = "the operator" if policy.operator_confirms else "a human"
        what = f"{len(doubtful)} of its values must be confirmed by {who}, and there is no terminal"
        raise PolicyRefused(f"the answer is withheld: {what} ({RULE})", "ask on a terminal or in the app")
    if not approve(doubtful):
        policy.record({"event": "not confirmed", **about(doubtful)})
        hint = "give a clearer picture or recording, and ask again"
        raise PolicyRefused(f"the answer is withheld: a value was not confirmed ({RULE})", hint)
    if policy.operator_confirms and not policy.unlocked:
        policy.record({"event": "not confirmed by the operator", **about(doubtful)})
        hint = "the operator confirms with the PIN"
        raise PolicyRefused("the answer is withheld: only the operator may confirm it (approval.by)", hint)
    policy.record({"event": "confirmed", **about(doubtful)})
