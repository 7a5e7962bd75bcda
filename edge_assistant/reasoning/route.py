"""Which way a question takes: the senses and models that it needs, and no others. A pure function of what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_assistant.core.answer import Route
from edge_assistant.core.signals import Signal
from edge_assistant.perception.sense import Sense

Plan = tuple[tuple[Signal, type[Sense]], ...]


def plan(signals: Sequence[Signal], senses: Sequence[type[Sense]]) -> Plan:
    """Which sense perceives which signal, in the order of the signals."""
    return tuple((signal, sense) for signal in signals for sense in senses if signal.kind in sense.kinds)


def route(steps: Plan, signals: Sequence[Signal], models: Mapping[str, str]) -> Route:
    """The route of a question.

    Args:
        steps: the plan.
        signals: all that were given.
        models: name by role.
    """
    roles = list(dict.fromkeys(role for _, sense in steps for role in (*sense.roles, *sense.optional_roles)))
    names = tuple(models[role] for role in (*roles, "language") if role in models)
    if len(signals) == 1:
        used = " and ".join(dict.fromkeys(sense.name for _, sense in steps))
        why = f"one signal ({signals[0].id}), perceived by {used}"
        return Route(signals[0].kind.value, names, why)
    listed = ", ".join(signal.id for signal in signals)
    return Route("cross-signal", names, f"{len(signals)} signals ({listed}) are read one by one and compared")


def talk_route() -> Route:
    """The route of a message that no source answers."""
    return Route("chat", (), "no source: the answer is about the assistant and the conversation")


def declined_route() -> Route:
    """The route of a question that is declined, as no source answers it."""
    return Route("chat", (), "no source: the question is declined")


def free_route() -> Route:
    """The route of free talk."""
    return Route("chat", (), "no source: the language model answers from memory, unchecked")


def check_route(steps: Plan, signals: Sequence[Signal], models: Mapping[str, str]) -> Route:
    """The route of a comparison without a question."""
    roles = dict.fromkeys(role for _, sense in steps for role in (*sense.roles, *sense.optional_roles))
    listed = ", ".join(signal.id for signal in signals)
    why = f"{len(signals)} signals ({listed}) are compared on whatever two of them tell"
    return Route("check", tuple(models[role] for role in (*roles, "language") if role in models), why)


def as_taken(way: Route, used: tuple[str, ...], names: Mapping[str, str]) -> Route:
    """A route as it was really taken: only the models that were used, and whether code answered alone."""
    alone = way.path != "chat" and names.get("language") not in used
    return replace(
        way, models=used, why=f"{way.why}; code answered, no language model was needed" if alone else way.why
    )
