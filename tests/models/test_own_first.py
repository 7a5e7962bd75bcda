"""Models of the user's own that come first in a profile, because their entries ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.pulled import made_up

from edge_assistant.cli.main import main
from edge_assistant.session import health
from edge_assistant_models import entries
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui.screens import models


def asking(home: Path, profiles: str, name: str = "mine", role: str = "vad") -> Path:
    """Let the entry `mine`, or another one like it, ask for profiles."""
    original = home / "catalog" / "mine.toml"
    text = original.read_text() if original.exists() else made_up(home) and original.read_text()
    text = text.replace("memory_mib = 1\n", f"memory_mib = 1\nprofiles = {profiles}\n", 1)
    path = home / "catalog" / f"{name}.toml"
    path.write_text(text.replace('name = "mine"', f'name = "{name}"').replace('role = "vad"', f'role = "{role}"'))
    return path


def test_a_pull_of_the_profile_takes_it_and_what_is_there_stays_where_it_is_gone(home: Path, store: Path) -> None:
    asking(home, '["test"]')
    portfolio = Portfolio()
    (home / "models").mkdir()
    for entry in portfolio.entries():
        if (store / entry.name).is_dir():
            (home / "models" / entry.name).symlink_to(store / entry.name)
    portfolio.pull(["mine"])
    assert portfolio.pull_profile("test")["vad"] == "mine"
    portfolio.store.remove(portfolio.entry("mine"))
    assert portfolio.resolve("test")["vad"] == "silero-vad"


def test_a_role_that_the_profile_lacks_is_optional_in_it(home: Path) -> None:
    asking(home, '["starter"]', role="vision-language")
    found = Portfolio().profile("starter")
    assert found.roles["vision-language"] == ("mine",)
    assert "vision-language" in found.optional
    checks = {check.name: check for check in health.models("starter")}
    assert checks["model for vision-language"].ok is None


def test_several_come_by_name(home: Path) -> None:
    made_up(home)
    asking(home, '["starter"]', "b-mine")
    asking(home, '["starter"]', "a-mine")
    assert Portfolio().profile("starter").roles["vad"] == ("a-mine", "b-mine", "silero-vad")


def test_the_list_and_the_app_say_that_it_is_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking(home, '["tiny", "starter"]')
    Portfolio().pull(["mine"])
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (mine,) = [line for line in lines if line.startswith("mine ")]
    assert mine.endswith(" starter (first), tiny (first)")
    (shipped,) = [line for line in lines if line.startswith("silero-vad ")]
    assert shipped.endswith(" large, standard, starter, test, tiny")
    (row,) = [row for row in models.rows("starter", {}) if row.name == "mine"]
    assert (row.state, row.about) == ("in use", "MIT · in starter (first), tiny (first)")


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ('["nowhere"]', "catalog/mine.toml: 'profiles' names 'nowhere': there is none"),
        ('"starter"', "'profiles' must be a list"),
        ('["starter", "starter"]', "'profiles' names something twice"),
        ('["auto"]', "'profiles' names 'auto'"),
    ],
)
def test_a_wrong_wish_is_a_fault_of_the_file(home: Path, profiles: str, message: str) -> None:
    asking(home, profiles)
    portfolio = Portfolio()
    assert [message in fault.message for fault in portfolio.wrong] == [True]
    assert not any(entry.own for entry in portfolio.entries())


def test_a_reference_is_in_no_profile(home: Path) -> None:
    asking(home, '["starter"]', role="reference")
    assert ["not for a reference" in fault.message for fault in Portfolio().wrong] == [True]


def test_an_entry_that_ships_cannot_ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = asking(home, '["starter"]')
    monkeypatch.setattr(entries, "shipped", lambda: iter([("mine.toml", path.read_bytes())]))
    with pytest.raises(CatalogInvalid, match="for the user's own entries"):
        entries.load()
