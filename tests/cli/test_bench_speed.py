"""`bench speed`: its options, what it keeps, and what ends it; real, with the smallest models."""

from __future__ import annotations

import argparse
import json

import pytest

from edge_assistant.core.errors import UsageError
from edge_assistant.storage.settings import Settings
from evals import speed
from evals.speed import part, runner
from evals.speed.parts import page
from evals.speed.rows import Row


def options(*given: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    speed.configure(parser)
    args = parser.parse_args([str(word) for word in given])
    args.settings = Settings(profile="test")
    return args


@pytest.fixture(autouse=True)
def small(monkeypatch, store):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setattr(page, "_PAGES", (1, 1))
    monkeypatch.setattr(page, "LINES", 4)
    whole = page.scan

    def corner(seed):  # square, for both readers enlarge a picture until its short side suffices
        sheet, pixels = whole(seed)
        return sheet, pixels[:600, :600]

    monkeypatch.setattr(page, "scan", corner)


class Scripted:
    """A part whose rows are given beforehand; the last one may be an error that ends it."""

    HELP, SECONDS, ORDER, SIGNALS = "a scripted part", (2.0, 1.0), 99, False

    def __init__(self, name: str, *script: object) -> None:
        self.NAME, self._script = name, script

    def measure(self, setting):
        for one in self._script:
            if isinstance(one, BaseException):
                raise one
            yield one


@pytest.fixture
def scripted(monkeypatch):
    """Parts in place of the real ones."""

    def put(*found: Scripted) -> None:
        named = {one.NAME: one for one in found}
        monkeypatch.setattr(runner, "parts", lambda: named)
        monkeypatch.setattr(part, "parts", lambda: named)

    return put


def there(home):
    return sorted(path.name for path in home.rglob("*") if "embeddings" not in str(path))


def row(name: str, *ours: float) -> Row:
    return Row(name, "a thing", "s", ours, tuple(1.0 for _ in ours))


def test_a_part_is_measured_kept_drawn_and_compared_and_no_home_is_touched(home, tmp_path, capsys):
    out, plot = tmp_path / "f.json", tmp_path / "f.svg"
    before = there(home)
    assert speed.run(options("--part", "page", "--quick", "--out", out, "--plot", plot, "--json")) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads(out.read_text())
    assert [one["name"] for one in kept["rows"]] == ["page.time", "page.characters"]
    assert printed["rows"] == kept["rows"]
    assert kept["machine"]["cores"] >= 1
    assert "pp-ocrv6-small" in kept["machine"]["models"]
    assert kept["parts"]["page"]["seconds"] > 0
    assert plot.read_text().startswith("<?xml")
    assert there(home) == before
    with pytest.raises(UsageError, match="holds this run already"):
        speed.run(options("--part", "page", "--quick", "--out", out))


def test_the_part_that_got_slower_ends_with_1(tmp_path, capsys, scripted):
    before = tmp_path / "before.json"
    scripted(Scripted("one", row("one.time", 1.0, 1.0, 1.0)), Scripted("two", row("two.time", 1.0, 1.0, 1.0)))
    assert speed.run(options("--all", "--out", before)) == 0
    assert speed.run(options("--all", "--compare", before)) == 0
    scripted(Scripted("one", row("one.time", 1.0, 1.0, 1.0)), Scripted("two", row("two.time", 1.3, 1.3, 1.3)))
    capsys.readouterr()
    assert speed.run(options("--all", "--compare", before)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("WORSE")] == ["two.time"]
    assert speed.run(options("--all", "--compare", before, "--json")) == 1
    compared = json.loads(capsys.readouterr().out)["compared"]
    assert [(one["name"], one["change"]) for one in compared] == [("one.time", "same"), ("two.time", "worse")]


def test_a_run_that_is_interrupted_keeps_what_was_measured_and_goes_on(tmp_path, capsys, scripted):
    out = tmp_path / "f.json"
    scripted(Scripted("one", row("one.time", 1.0)), Scripted("two", row("two.first", 1.0), KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        speed.run(options("--all", "--out", out))
    assert [one["name"] for one in json.loads(out.read_text())["rows"]] == ["one.time", "two.first"]
    scripted(Scripted("one", AssertionError("it was measured")), Scripted("two", row("two.first", 2.0)))
    assert speed.run(options("--all", "--out", out)) == 0
    found = {one["name"]: one["ours"] for one in json.loads(out.read_text())["rows"]}
    assert found == {"one.time": [1.0], "two.first": [2.0]}
    assert "one: measured" in capsys.readouterr().err


def test_what_a_part_needs_and_is_not_there_leaves_it_out_of_all_and_ends_it_where_it_is_named(capsys, scripted):
    scripted(Scripted("one", row("one.time", 1.0)), Scripted("two", UsageError("it is not there", "bring it")))
    assert speed.run(options("--all")) == 0
    assert "two is left out: it is not there - bring it" in capsys.readouterr().out
    with pytest.raises(UsageError, match="it is not there"):
        speed.run(options("--part", "two"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no signal is given"),
        (("--part", "page", "--plot", "f.gif"), "f.gif is no PNG or SVG"),
        (("--part", "page", "--compare", "nowhere.json"), "nowhere.json cannot be read"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_measured(words, said, scripted):
    scripted(Scripted("page", AssertionError("it was measured")))
    with pytest.raises(UsageError, match=said):
        speed.run(options(*words))


def test_the_command_line_knows_its_parts(here):
    ran = here("bench", "speed", "--help")
    assert ran.status == 0
    assert all(name in ran.out for name in part.parts())
    assert here("bench", "speed", "--part", "nothing").status == 2
    assert here("bench", "speed", "--part", "page", "--repeats", "0").status == 2
