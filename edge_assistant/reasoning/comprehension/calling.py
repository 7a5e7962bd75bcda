"""Whether a question calls for a function of the client, and with which arguments.

A false call is worse than none: where the sources answer a question none is called, and the model has to be sure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_assistant.core.answer import Answer, Status, Verdict
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import SAID, Kind, Origin, take_bytes
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.arguments import ArgumentReader
from edge_assistant.reasoning.comprehension.assembly import asked_shortly
from edge_assistant.reasoning.comprehension.reading import probability_against
from edge_assistant.reasoning.functions import NONE, REQUIRED, ClientFunction, FunctionOffer
from edge_assistant.reasoning.route import talk_route

CALLED = 0.6  # probability from which on a function is chosen that does not have to be called
DOES = 0.75  # probability of a yes from which on it does what is asked
QUESTION = "question"  # in place of the id of evidence: what was asked


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call that the client is to make.

    Attributes:
        name: of the function.
        arguments: JSON; "" if something is missing.
        refusal: what is missing then, for people.
        verdicts: of each argument.
    """

    name: str
    arguments: str
    refusal: str = ""
    verdicts: tuple[Verdict, ...] = ()


def call(
    engine: Callable[[], Engine], reader: ArgumentReader, offer: FunctionOffer, answer: Answer
) -> FunctionCall | None:
    """The call that a question needs; None where it needs none, or one whose arguments nobody told.

    Args:
        engine: the language model.
        reader: reads the arguments, from the question and the sources.
        offer: the functions.
        answer: to the question.
    """
    required = offer.choice == REQUIRED
    answered = answer.status in (Status.SUPPORTED, Status.CONFLICT) or answer.route.why == talk_route().why
    if answered and not required:
        return None
    function = _chosen(engine, offer, answer.question)
    if function is None:
        return None
    if function.form is None:
        return FunctionCall(function.name, "{}")
    asked = take_bytes(answer.question.encode("utf-8", "replace"), Kind.TEXT, 0, origin=Origin.USER, name=SAID)
    line = Evidence(QUESTION, asked.id, answer.question, None, Locator(), Passage())
    beside = replace(answer, signals=(asked, *answer.signals), evidence=(line, *answer.evidence))
    filled = reader.read(function, line, beside)
    if filled.text or required:
        return FunctionCall(function.name, filled.text, filled.refusal, filled.verdicts)
    return None


def _chosen(engine: Callable[[], Engine], offer: FunctionOffer, question: str) -> ClientFunction | None:
    """The function that the model chooses; None if it is not sure of one that need not be called."""
    required = offer.choice == REQUIRED
    if required and len(offer.functions) == 1:
        return offer.functions[0]
    listed = (f"{one.name}: {one.told}" if one.told else one.name for one in offer.functions)
    messages = prompts.with_examples("calling", "Functions:", *listed, "", f"Question: {question}")
    options = [one.name for one in offer.functions] if required else [NONE, *(one.name for one in offer.functions)]
    choice = engine().choose(messages, options)
    name = options[choice.index]
    if not required and (name == NONE or choice.probability < CALLED):
        return None
    function = next((one for one in offer.functions if one.name == name), None)
    if required or function is None:
        return function
    messages = prompts.with_examples("doing", f"Function: {function.name}: {function.told}", asked_shortly(question))
    return function if probability_against(engine(), messages, "yes", "no") >= DOES else None
