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
    """The route of a question, by its plan, all given signals, and the models' names by role."""
    if len(signals) == 1:
        used = " and ".join(dict.fromkeys(sense.name for _, sense in steps))
        why = f"one signal ({signals[0].id}), perceived by {used}"
        return Route(signals[0].kind.value, _models(steps, models), why)
    return Route("cross-signal", _models(steps, models), f"{_names(signals)} are read one by one and compared")


def check_route(steps: Plan, signals: Sequence[Signal], models: Mapping[str, str]) -> Route:
    """The route of a comparison without a question."""
    return Route("check", _models(steps, models), f"{_names(signals)} are compared on whatever two of them tell")


def talk_route() -> Route:
    """The route of a message that no source answers."""
    return Route("chat", (), "no source: the answer is about the assistant and the conversation")


def declined_route() -> Route:
    """The route of a question that is declined, as no source answers it."""
    return Route("chat", (), "no source: the question is declined")


def free_route() -> Route:
    """The route of free talk."""
    return Route("chat", (), "no source: the language model answers from memory, unchecked")


def actual_route(way: Route, used: tuple[str, ...], names: Mapping[str, str]) -> Route:
    """A route with only the models that were used; it says so if code answered alone."""
    alone = way.path != "chat" and names.get("language") not in used
    why = f"{way.why}; code answered, no language model was needed" if alone else way.why
    return replace(way, models=used, why=why)


def _models(steps: Plan, models: Mapping[str, str]) -> tuple[str, ...]:
    roles = dict.fromkeys(role for _, sense in steps for role in (*sense.roles, *sense.optional_roles))
    return tuple(models[role] for role in (*roles, "language") if role in models)


def _names(signals: Sequence[Signal]) -> str:
    return f"{len(signals)} signals ({', '.join(signal.id for signal in signals)})"
