"""Values that a human confirms: which they are, who is asked, and that nothing is said before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import plain_model
from helpers.app import conflict
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.cli import terminal
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Answer, Computation, Told
from edge_assistant.core.errors import PolicyRefused
from edge_assistant.core.events import Answered, Compared, Event, Perceiving, Said
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.governance.policy import pin, policy_file
from edge_assistant.governance.policy.approval import Approve, Doubt, approving, doubts
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.governance.policy.rules import PolicyRules
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui import messages
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work

PIN = "147258"
ROLES = f'roles.pin = "{pin.hashed(PIN, cost=1024)}"\n'
SPOKEN = Path(__file__).parents[1] / "fixtures" / "speech" / "bottles.wav"
PENICILLIN = Doubt("penicillin", "allergy", conflict().evidence[1])


def of(text: str = "approval.confirm_below = 0.9") -> Policy:
    rules = policy_file.problems(text.encode())
    assert isinstance(rules, PolicyRules), rules
    made = Policy(rules, Path("policy.toml"), wait=lambda seconds: None)
    made.record = vars(made).setdefault("recorded", []).append
    return made


def answer(*sure: float | None, agree: bool = False) -> Answer:
    """An answer over evidence that is this sure, each telling a value of its own, or all one."""
    evidence = tuple(
        Evidence(f"E{n}", f"audio:{n}", f"said {n}", given, Locator(), Passage()) for n, given in enumerate(sure, 1)
    )
    ids = [item.id for item in evidence]
    told = (Told("42", tuple(ids)),) if agree else tuple(Told(f"value {id}", (id,)) for id in ids)
    verdict = replace(conflict().verdicts[0], values=told)
    return replace(conflict(), evidence=evidence, verdicts=(verdict,), citations=tuple(ids))


def events(of_answer: Answer) -> list[Event]:
    return [
        Perceiving("audio:1", "speech", 0.5),
        Compared(of_answer.verdicts[0]),
        Said("One."),
        Said("Two."),
        Answered(of_answer),
    ]


def run(policy: Policy, given_: Answer, approve: Approve | None, seen: list[Event] | None = None) -> list[Event]:
    """What a front end sees."""
    seen = [] if seen is None else seen
    watch = approving(policy, seen.append, approve)
    for event in events(given_):
        watch(event)
    return seen


# Which values


def test_a_value_that_is_hardly_the_answer_is_doubted_however_surely_it_was_heard() -> None:
    given = answer(0.99)
    told = tuple(replace(one, confidence=0.7) for one in given.verdicts[0].values)
    (doubt,) = doubts(replace(given, verdicts=(replace(given.verdicts[0], values=told),)), 0.9)
    assert "confidence 70%" in doubt.question


def test_what_another_signal_tells_surely_is_not_doubted() -> None:
    assert list(doubts(answer(0.4, 0.95, agree=True), 0.9)) == []
    (doubt,) = doubts(answer(0.4, 0.6, agree=True), 0.9)
    assert doubt.evidence.id == "E2"  # the surest is read back


def test_what_is_cited_or_computed_with_and_in_no_verdict_is_doubted_whole() -> None:
    plain = replace(answer(0.4, 0.5), verdicts=(), citations=("E1",))
    assert [doubt.value for doubt in doubts(plain, 0.9)] == ["said 1"]
    computed = replace(plain, computed=(Computation("C1", "sum", "3", ("E1", "E2")),))
    assert [doubt.value for doubt in doubts(computed, 0.9)] == ["said 1", "said 2"]


@given(st.lists(st.none() | st.floats(0, 1), max_size=6), st.floats(0.01, 1), st.booleans())
def test_nothing_unsure_is_rested_on_unasked(sure: list[float | None], below: float, agree: bool) -> None:
    if not sure:
        return
    found = list(doubts(answer(*sure, agree=agree), below))
    unsure = [value is not None and value < below for value in sure]
    assert len(found) == (all(unsure) if agree else sum(unsure))
    assert all(doubt.evidence.confidence is not None and doubt.evidence.confidence < below for doubt in found)


# Who is asked, and what is seen


def test_nothing_is_said_before_it_is_confirmed_and_a_sure_answer_asks_nobody() -> None:
    policy = of()
    seen: list[Event] = []

    def approve(given_: Sequence[Doubt]) -> bool:
        assert [type(event) for event in seen] == [Perceiving]
        return [doubt.evidence.id for doubt in given_] == ["E1"]

    run(policy, answer(0.5, 0.99), approve, seen)
    assert [type(event) for event in seen] == [Perceiving, Compared, Said, Said, Answered]
    confirmed = {"event": "confirmed", "rule": "approval.confirm_below", "evidence": ["E1"]}
    assert vars(policy)["recorded"] == [confirmed]
    assert len(run(of(), answer(0.95, None), None)) == 5


@pytest.mark.parametrize(
    ("approve", "event", "said"),
    [
        (None, "nobody to confirm", "1 of its values must be confirmed by a human, and there is no terminal"),
        (lambda given: False, "not confirmed", "a value was not confirmed"),
    ],
)
def test_what_is_not_confirmed_is_withheld(approve: Approve | None, event: str, said: str) -> None:
    policy = of()
    seen: list[Event] = []
    with pytest.raises(PolicyRefused, match=said) as caught:
        run(policy, answer(0.5, 0.99), approve, seen)
    assert "(approval.confirm_below)" in caught.value.message
    assert [type(event) for event in seen] == [Perceiving]
    assert [row["event"] for row in vars(policy)["recorded"]] == [event]


def test_the_operator_is_asked_for_even_where_a_front_end_forgets_it() -> None:
    policy = of(f'approval.confirm_below = 0.9\napproval.by = "operator"\n{ROLES}')
    with pytest.raises(PolicyRefused, match=r"only the operator may confirm it \(approval\.by\)"):
        run(policy, answer(0.5), lambda given: True)
    policy.unlock(PIN)
    assert len(run(policy, answer(0.5), lambda given: True)) == 5


# On a terminal


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person types, in order."""
    lines: list[str] = []
    monkeypatch.setattr(terminal, "asks", lambda: True)
    monkeypatch.setattr(terminal, "answer", lambda prompt: lines.pop(0))
    monkeypatch.setattr(terminal, "secret", lambda prompt: lines.pop(0))
    return lines


@pytest.mark.parametrize(("lines", "yes"), [(["y", "Yes"], True), (["y", "n"], False), (["no"], False), ([""], False)])
def test_each_value_is_confirmed(typed: list[str], lines: list[str], yes: bool) -> None:
    typed += lines
    approve = terminal.approver(of(), lambda: None)
    assert approve is not None
    assert approve((PENICILLIN, PENICILLIN)) is yes
    assert typed == []


@pytest.mark.parametrize(("pins", "unlocked"), [([PIN], True), (["1", "2", PIN], True), (["1", "2", "3"], False)])
def test_three_pins_may_be_tried(typed: list[str], pins: list[str], unlocked: bool) -> None:
    policy = of(ROLES)
    typed += pins
    if unlocked:
        terminal.admit(policy, ["ask", "models"])
    else:
        with pytest.raises(PolicyRefused, match="a visitor may not: models"):
            terminal.admit(policy, ["ask", "models"])
    assert (typed, policy.unlocked) == ([], unlocked)


# In the app's worker, over a recording


def answered(home: Path, store: Path, monkeypatch: pytest.MonkeyPatch, say: Callable[[Any], None]) -> list[Any]:
    """What a worker tells about a question over a recording, whose values `say` confirms or does not."""
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text("approval.confirm_below = 0.999")
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    plain_model.use(monkeypatch)
    told: list[Any] = []
    work: Work

    def post(message: Any) -> None:
        told.append(message)
        if isinstance(message, messages.Doubted):
            say(message.agreed)

    work = Work(post, Options(profile="test"))
    work.start()
    work.attach(SPOKEN)
    work.ask(1, "How many bottles?")
    work._jobs.end()
    work._thread.join(240)
    assert not work._thread.is_alive()
    return [message for message in told if isinstance(message, messages.Doubted) or hasattr(message, "turn")]


def kinds(told: list[Any]) -> list[str]:
    return [type(getattr(message, "event", message)).__name__ for message in told]


@pytest.mark.parametrize("confirms", [True, False])
def test_the_app_reads_a_value_back_before_it_answers(
    home: Path, store: Path, monkeypatch: pytest.MonkeyPatch, confirms: bool
) -> None:
    def say(agreed: Any) -> None:
        agreed.set_result(True) if confirms else agreed.cancel()

    told = kinds(answered(home, store, monkeypatch, say))
    assert told.count("Doubted") == 1
    if confirms:
        assert told.index("Doubted") < told.index("Said") < told.index("Answered")
    else:
        assert (told[-1], "Said" in told) == ("TurnStopped", False)


def test_an_assistant_that_nobody_stands_behind_withholds(store: Path, home: Path) -> None:
    made = Assistant(
        Portfolio(store, home / "catalog"),
        "test",
        runtime=Runtime(1),
        engine=plain_model.PlainEngine,
        policy=of("approval.confirm_below = 0.999"),
    )
    seen: list[Event] = []
    with pytest.raises(PolicyRefused, match="there is no terminal"):
        made.ask("How many bottles?", [take_file(SPOKEN, Kind.AUDIO, 1)], seen.append)
    assert not any(isinstance(event, Said | Answered) for event in seen)
