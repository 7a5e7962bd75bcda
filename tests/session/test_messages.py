"""Messages that ask nothing of a source: courtesies, the assistant itself, free talk and its policy."""

from __future__ import annotations

import pytest
from helpers.assistants import Ask, readings, text
from helpers.engines import scripted

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Status
from edge_assistant.core.events import Perceived
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.governance.policy.rules import Answers, Roles, Rules
from edge_assistant.reasoning.route import declined_route
from edge_assistant.reasoning.talk import DECLINED, RISKY
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio


@pytest.mark.parametrize("question", ["How much paracetamol can a child of 20 kg take?", "What does the form say?"])
def test_without_a_source_what_is_not_about_the_assistant_is_declined(ask: Ask, question: str) -> None:
    answer, events = ask(question, [], scripted())
    assert (answer.status, answer.text, answer.sourced) == (Status.CHAT, DECLINED, False)
    assert answer.to_json()["sourced"] is False
    assert {model.name for model in answer.models} <= {"minilm-l6-int8"}
    assert not [event for event in events if isinstance(event, Perceived)]


def test_without_a_source_it_talks_about_itself_and_what_was_written_before(ask: Ask) -> None:
    for question, begins in (("Who are you?", "I am Edge Assistant"), ("Is this sent anywhere?", "Nothing leaves")):
        assert ask(question, [], scripted())[0].text.startswith(begins)
    answer, _ = ask("What did I ask you before?", [], scripted(), before=["What was the total?"])
    assert answer.text == 'So far you wrote: "What was the total?".'


@pytest.mark.parametrize("message", ["Thanks!", "?", "\N{THUMBS UP SIGN}", "Tell me a joke"])
def test_over_sources_what_asks_nothing_is_answered_by_none_of_them(ask: Ask, message: str) -> None:
    answer, events = ask(message, [text(), readings()], scripted())
    assert (answer.status, answer.verdicts, answer.citations) == (Status.CHAT, (), ())
    assert not [event for event in events if isinstance(event, Perceived)]


@pytest.mark.parametrize("forbidden", [None, "answers", "visitor"])
def test_free_talk_is_a_setting_that_a_policy_can_forbid(portfolio: Portfolio, forbidden: str | None) -> None:
    pin = "scrypt:32768:" + "0" * 32 + ":" + "0" * 64
    rules = {
        None: None,
        "answers": Rules(answers=Answers(free_talk=False)),
        "visitor": Rules(roles=Roles(pin=pin)),
    }[forbidden]

    def said(question: str, reply: str, *, on: bool = True) -> tuple[str, str]:
        engine = scripted(reply)
        policy = Policy(rules)
        facade = Assistant(
            portfolio, "test", runtime=Runtime(1), engine=lambda m, r: engine, policy=policy, free_talk=on
        )
        answer = facade.ask(question, [], lambda event: None)
        assert (answer.status, answer.sourced) == (Status.CHAT, False)
        return answer.text, answer.route.why

    question = "Write me a short poem about the sea."
    text, why = said(question, "The sea is wide [E1].")
    assert text == (DECLINED if forbidden else "The sea is wide.")
    assert why.startswith("no source")
    assert said(question, "The sea is wide.", on=False) == (DECLINED, declined_route().why)
    if not forbidden:
        assert said("How many tablets may a child take?", "Four.") == (RISKY, declined_route().why)
        assert said(question, "You can give a child up to 2 grams of paracetamol a day.")[0] == RISKY
