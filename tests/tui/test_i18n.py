"""The screens in German: the file is what translators' tools read, all of it is used, and what is shown is in it."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
from helpers.app import HASH, IdleClock, Stage, app, play
from helpers.screens import Golden
from textual.widgets import Static

from edge_assistant_tui import i18n
from edge_assistant_tui.screens import help as keys
from edge_assistant_tui.screens.place import places
from edge_assistant_tui.screens.visitor import Attract, Countdown
from edge_assistant_tui.widgets.welcome import Welcome

GERMAN = i18n.catalog("de")
FILE = Path(i18n.__file__).parent / "locale" / "de.po"
KIOSK = f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "check", "camera", "microphone", "examples"]\n'


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text)} - {None}


def test_the_file_is_what_other_tools_read() -> None:
    pofile = pytest.importorskip("babel.messages.pofile")
    with FILE.open(encoding="utf-8") as file:
        assert {entry.id: entry.string for entry in pofile.read_po(file) if entry.id} == GERMAN
    assert {text for text in GERMAN if fields(text) != fields(GERMAN[text])} == set()


def test_what_is_fuzzy_or_empty_is_left_out_and_what_is_no_string_is_said() -> None:
    text = '# a\nmsgid "a"\nmsgstr "\\"b\\"\\n"\n\n#, fuzzy\nmsgid "c"\nmsgstr "d"\n\nmsgid "e"\nmsgstr ""\n'
    assert i18n.parsed(text) == {"a": '"b"\n'}
    with pytest.raises(ValueError, match="Invalid"):
        i18n.parsed('msgid "a"\nmsgstr "\\q"')


@pytest.mark.parametrize(
    ("chosen", "environment", "language"),
    [
        ("de", {"LANG": "en_US.UTF-8"}, "de"),
        (None, {"LANG": "en_US.UTF-8", "LC_ALL": "de_CH@euro"}, "de"),
        (None, {"LC_MESSAGES": "", "LANG": "de"}, "de"),
        (None, {}, ""),
    ],
)
def test_the_setting_counts_before_the_environment(chosen, environment, language) -> None:
    assert i18n.language(chosen, environment) == language


@pytest.mark.parametrize("language", ["", "c", "en", "../locale/de"])
def test_without_a_file_there_are_no_translations(language: str) -> None:
    assert i18n.catalog(language) == {}


def test_every_translation_is_of_something_that_the_source_says() -> None:
    said: set[str] = set()
    for file in Path(i18n.__file__).parent.rglob("*.py"):
        tree = ast.walk(ast.parse(file.read_text("utf-8")))
        said |= {node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    made = {f"{ways} {what}." for ways in said if ways.startswith("Press any") for what in ("to begin", "to go on")}
    devices = "camera", "microphone", "voice"
    made |= {f"The {device} {what}" for device in devices for what in ("is lost", "cannot be used")}
    assert places()  # all screens are known then
    made |= {name for name, _ in keys.sections()}
    assert set(GERMAN) - said - made == {"offline", "NOT OFFLINE"}, "the words of the lock come from elsewhere"


def test_all_of_the_help_is_translated() -> None:
    told: set[str] = set()

    def say(text: str) -> str:
        told.add(text)
        return text

    list(keys._text(say, 80, roles=True))
    assert told - set(GERMAN) == set()
    assert {place.TITLE for place in places()} <= told


async def test_a_session_is_in_german_from_its_beginning_to_its_end(hold, clock: IdleClock) -> None:
    hold(KIOSK)
    async with play(language="de", arrived=False) as stage:
        texts = [str(part.render()) for part in stage.screen.query("#words Static").results(Static)]
        assert isinstance(stage.screen, Attract)
        assert [text for text in texts if text not in GERMAN.values()] == ["Edge Assistant"]
        await stage.press("x")
        assert "Besucher" in str(stage.talk.query_one("#status").render())
        assert "Stellen Sie eine Frage" in str(stage.talk.query_one(Welcome).render())
        await clock.passes(stage, 300.0 - 17.0)
        assert isinstance(stage.screen, Countdown)
        assert stage.said("#left") == "Dieses Gespräch wird in 17 s gelöscht."


async def attract(stage: Stage) -> None:
    pass


async def countdown(stage: Stage) -> None:
    await stage.arrive()
    await IdleClock().passes(stage, 300.0 - 17.0)


async def arrived(stage: Stage) -> None:
    await stage.arrive()


@pytest.mark.usefixtures("still", "clock")
@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("story", [attract, countdown, arrived], ids=lambda story: story.__name__)
def test_german_looks_as_it_did(golden: Golden, hold, story, size: tuple[int, int]) -> None:
    hold(KIOSK)
    golden(app(language="de")[0], size, story)
