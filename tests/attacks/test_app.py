"""In the app too nothing that a signal says is done: no pull, no address, no action; it is shown as it is."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import says
from helpers.app import NOTE, app, conflict
from textual.widgets import Markdown

import edge_assistant_tui
from edge_assistant.core.answer import Agreement, Route, Told, Verdict
from edge_assistant_tui import messages
from edge_assistant_tui.pulls import Pulls
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.turn import Turn
from evals.attack.corpus import attacks
from evals.attack.hidden_text import hide

MARKUP = "[@click=app.quit]here[/] [@click=app.pull('evil')]x[/] [link=http://evil.example]y[/link] [bold]z[/bold]"
WORDS = [MARKUP, *(hide(a.words, a.hide) for a in attacks() if a.way in ("file", "note") and a.base == "prose"),
         *(hide(a.words, a.hide) for a in attacks() if a.carrier == "Unicode")][::12]  # fmt: skip


def _told(words: str, turn: int) -> list[Any]:
    """All that a worker tells of a signal and an answer, with the same words wherever words can stand."""
    answer = conflict()
    evidence = tuple(replace(item, text=words) for item in answer.evidence)
    verdict = Verdict(words, words, Agreement.CONFLICT, (Told(words, ("E1",)), Told("x", ("E2",))))
    route = Route(words, (words,), words)
    whole = replace(answer, text=words, question=words, route=route, evidence=evidence, verdicts=(verdict,))
    named = replace(NOTE, name=words)
    return [
        messages.Taken(named),
        says.sensed(named.id, "speech", evidence, 0.1),
        says.noted(named.id, words),
        says.routed(turn, route),
        says.compared(turn, verdict),
        says.said(turn, words),
        says.ended(turn, replace(whole, signals=(named,))),
    ]


def test_nothing_that_a_signal_says_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(Pulls, "_send", lambda self, name: done.append(f"pull {name}"))

    async def run() -> None:
        made, work = app()
        monkeypatch.setattr(made, "open_url", lambda url, **_: done.append(f"open {url}"))
        async with made.run_test(size=(120, 40)) as pilot:
            for number, words in enumerate(WORDS, 1):
                made.conversation.query_one(Prompt).put("What happened?")
                await pilot.press("enter")
                await pilot.pause()
                before = len(work.asked)
                for message in _told(words, number):
                    made.conversation.post_message(message)
                await pilot.pause()
                turn = made.conversation.query_one(f"#turn-{number}", Turn)
                markdown = turn.query_one(Markdown)
                turn.post_message(Markdown.LinkClicked(markdown, "http://evil.example"))
                await pilot.click(markdown, offset=(1, 0))
                await pilot.pause()
                assert work.asked[before:] == [], words
                assert made.screen is made.conversation, words
                assert all(c.isprintable() or c == "\n" for c in markdown.source), words
        assert made.return_value is None

    asyncio.run(run())
    assert done == []


def test_only_the_models_place_asks_for_a_pull_and_it_by_keys() -> None:
    package = Path(edge_assistant_tui.__file__).parent
    assert [path.name for path in package.rglob("*.py") if re.search(r"pulls\.start\(", path.read_text())] == [
        "models.py"
    ]
    place = (package / "screens" / "models.py").read_text()
    found = re.finditer(r"pulls\.start\(", place)
    assert {re.findall(r"def (\w+)", place[: match.start()])[-1] for match in found} == {
        "action_pull",
        "action_pull_profile",
    }
    assert re.search(r'Binding\("\w", "pull"', place)
    assert re.search(r'Binding\("\w", "pull_profile"', place)
