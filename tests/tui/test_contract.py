"""What holds the app together, by reflection: events, messages, places, bindings, and what the first paint needs."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from helpers.app import FORM, Stage, computed, conflict, shown
from textual.actions import parse
from textual.binding import Binding
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widgets import Markdown, Static

import edge_assistant_tui
from edge_assistant.core import events
from edge_assistant.core.answer import Failure
from edge_assistant.core.signals import Kind, suffixes
from edge_assistant_tui import messages
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.commands import commands
from edge_assistant_tui.screens import help as help_place
from edge_assistant_tui.screens.conversation import ConversationScreen
from edge_assistant_tui.screens.place import PlaceScreen, places
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.turn import Turn

HEAVY = {
    *("numpy", "onnxruntime", "cv2", "llama_cpp", "PIL", "av", "sounddevice", "serial", "sqlite3"),
    "edge_assistant.session.assistant",
}


def modules() -> tuple[ModuleType, ...]:
    """Every module of the app, but the one that starts it."""
    found = pkgutil.walk_packages(edge_assistant_tui.__path__, "edge_assistant_tui.")
    return tuple(importlib.import_module(module.name) for module in found if not module.name.endswith("__main__"))


MODULES = modules()


def classes(base: type) -> list[Any]:
    """The app's own classes under a class."""
    found = {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    }
    return sorted(found, key=lambda value: (value.__module__, value.__qualname__))


def all_messages() -> list[type[Message]]:
    """The app's messages: those of workers, and those of widgets, which are named within them."""
    within = [value for node in classes(MessagePump) for value in vars(node).values() if inspect.isclass(value)]
    return [*classes(Message), *(value for value in within if issubclass(value, Message))]


# events

EVENTS: dict[Any, Any] = {
    events.Routed: events.Routed(conflict().route),
    events.Waiting: events.Waiting(),
    events.Perceiving: events.Perceiving("image:1", "writing", 0.5),
    events.Understood: events.Understood("audio:1", conflict().evidence),
    events.Perceived: events.Perceived("image:1", "writing", conflict().evidence, 0.2),
    events.Noted: events.Noted("image:1", "only the first frame was looked at"),
    events.Failed: events.Failed(Failure("image:1", "input.empty", "it is empty", "give another")),
    events.Thinking: events.Thinking(),
    events.Reading: events.Reading("audio:1"),
    events.Traced: events.Traced("claims", "image:1", ("one",)),
    events.Compared: events.Compared(conflict().verdicts[0]),
    events.Said: events.Said("None [E1]."),
    events.Answered: events.Answered(computed()),
}
OF_SIGNALS = {events.Perceiving, events.Perceived, events.Noted, events.Failed}
# of signals, or for `ask --trace` and other programs
NOT_OF_TURNS = {events.Understood, events.Perceived, events.Noted, events.Failed, events.Traced}


async def test_every_event_changes_what_is_shown_or_is_knowingly_ignored(stage: Stage) -> None:
    assert set(EVENTS) == set(get_args(events.Event))
    await stage.tell(messages.Taken(FORM))
    for number, (event, example) in enumerate(EVENTS.items(), 1):
        await stage.ask("What is the patient allergic to?")
        before, entry = said_of(stage.turn(number)), stage.entries
        await stage.tell(messages.TurnTold(number, example))
        assert (said_of(stage.turn(number)) == before) == (event in NOT_OF_TURNS), event
        assert (stage.entries == entry) == (event not in OF_SIGNALS), event


def said_of(turn: Turn) -> list[str]:
    """All words of a turn."""
    return [turn.query_one(Markdown).source, *(shown(part) for part in turn.query(Static) if part.is_attached)]


# messages


def handled() -> set[type[Message]]:
    """Messages that some class of the app has a handler for."""
    found: set[type[Message]] = set()
    for node in classes(MessagePump):
        found |= set(node._decorated_handlers)
        found |= {message for message in all_messages() if message.handler_name in vars(node)}
    return found


def test_every_message_is_handled() -> None:
    assert set(all_messages()) <= handled()


def named(tree: ast.AST) -> Iterator[str]:
    """What is called in a module, by its last name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_every_message_is_posted() -> None:
    made = {name for module in MODULES for name in named(ast.parse(Path(str(module.__file__)).read_text("utf-8")))}
    assert {message.__name__ for message in all_messages()} <= made


# places and keys


def keys_of(binding: Any) -> list[str]:
    return [key.strip() for key in binding.key.split(",")]


def test_every_place_has_a_name_a_title_a_help_and_keys_of_its_own() -> None:
    assert len({place.NAME for place in places()}) == len(places()) == len({place.TITLE for place in places()})
    assert all(place.HELP and not place.HELP.endswith(".") and place.TITLE for place in places())
    keys = [key for place in places() for key in place.KEY.split(",")]
    taken = [
        key for owner in (EdgeAssistant, ConversationScreen) for binding in owner.BINDINGS for key in keys_of(binding)
    ]
    assert len(keys) == len(set(keys))
    assert not set(keys) & set(taken)
    assert [key for key in set(taken) if taken.count(key) > 1] == ["escape"], "one where there is something to stop"


def test_no_key_of_the_conversation_is_taken_by_the_prompt() -> None:
    """Which has the focus at first, and is a text area with keys of its own."""
    prompt = set(Prompt("prompt")._bindings.key_to_bindings)
    own = {key for binding in Prompt.BINDINGS for key in keys_of(binding)}
    wanted = {key for place in places() for key in place.KEY.split(",")}
    wanted |= {key for binding in ConversationScreen.BINDINGS if not binding.priority for key in keys_of(binding)}
    assert prompt & wanted - own <= {"ctrl+z"}  # undo: of typing first, then of removing a signal


BOUND = [(node, binding) for node in classes(DOMNode) for binding in vars(node).get("BINDINGS", ())]


def test_every_binding_has_an_action_and_says_what_it_does() -> None:
    for node, binding in BOUND:
        assert isinstance(binding, Binding)
        assert binding.description, binding
        for action in binding.action.split(";"):
            namespace, name, parameters = parse(action)
            owner: type = {"app": EdgeAssistant, "screen": ConversationScreen}.get(namespace, node)
            method = getattr(owner, f"action_{name}", None) or getattr(owner, f"_action_{name}", None)
            assert method is not None, action
            inspect.signature(method).bind(None, *parameters)


async def test_the_palette_offers_every_place_and_what_can_be_run(stage: Stage) -> None:
    assert {place.TITLE for place in places()} <= {one.title for one in stage.app.get_system_commands(stage.screen)}
    offered = [*commands(stage.talk)]
    assert offered
    assert all(callable(command.callback) and command.help for command in offered)


@pytest.mark.parametrize("width", [40, 72, 152])
def test_the_help_names_every_key_place_and_kind(width: int) -> None:
    text = "".join(part if isinstance(part, str) else part[0] for part in help_place._text(str, width))
    for _, binding in BOUND:
        assert help_place.shown(binding.key) in text, binding
    for place in places():
        assert f"{help_place.shown(place.KEY)} " in text
    for key, what in (line for _, keys in help_place.sections() for line in keys):
        assert help_place.shown(key) in text
        assert what
        assert " ".join(what.split()) in " ".join(text.split())
    assert all(suffixes(kind)[0].removeprefix(".") in text for kind in Kind)
    assert width < 72 or max(len(line) for line in text.splitlines()) <= width


def test_every_place_is_a_file_of_its_own() -> None:
    assert len({place.__module__ for place in places()}) == len(places()) == len(classes(PlaceScreen)) - 1


def test_a_handler_is_never_called_like_one_of_textuals_own_methods() -> None:
    for node in classes(MessagePump):
        for name, value in vars(node).items():
            if hasattr(value, "_textual_on"):
                assert not any(
                    name in vars(base) for base in node.__mro__[1:] if base.__module__.startswith("textual.")
                ), name


# the first paint

FIRST_PAINT = """
import sys
from edge_assistant_tui import __main__
from edge_assistant.storage import logs, settings
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.terminal import Terminal
from edge_assistant_tui.widgets.welcome import Welcome
app = EdgeAssistant(Options(), settings.load(), Terminal())
def painted():
    assert app.conversation.query_one(Welcome).size.width, "nothing is drawn yet"
    print(*sorted(sys.modules))
    app.exit()
app._begin = painted
app.run(headless=True, size=(80, 24))
"""


def test_nothing_heavy_is_imported_before_the_first_paint() -> None:
    ran = subprocess.run([sys.executable, "-c", FIRST_PAINT], capture_output=True, text=True, check=False, timeout=120)
    there = set(ran.stdout.split())
    assert "edge_assistant_tui.screens.conversation" in there, ran.stderr
    assert not HEAVY & there
