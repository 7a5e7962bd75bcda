"""The proof of forgetting: after each kind of it, and after a crash at any point, nothing is found in any file."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from random import Random

import pytest
from helpers import killed, planted
from helpers.forgetting import KINDS, Home, audited, wrapped

from edge_assistant.governance import erasure

pytestmark = pytest.mark.usefixtures("temporary")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_forgotten_is_in_no_file(home: Path, kind: str) -> None:
    made = Home(home, kind)
    assert planted.found([home]) == []  # nor could it be read before
    assert all(key in b"".join(f.read_bytes() for f in (home / "keys").iterdir()) for key in made.keys.values())
    made.forget()
    made.check()
    assert len([row for row in audited() if row.kind == "forgot"]) == 1


def every_line(home: Path, kind: str, step: int) -> int:
    """Kill it at every so many lines; the next start completes what was begun. How many times it was killed."""
    made = Home(home, kind)
    whole = home.with_name(f"{home.name}-whole")
    shutil.copytree(home, whole, symlinks=True)
    total = killed.lines(made.forget)
    begun = 0
    for line in range(step, total, step):
        shutil.rmtree(home)
        shutil.copytree(whole, home, symlinks=True)
        assert killed.at_line(made.forget, line)
        assert planted.found([home]) == []
        begun += erasure.pending()
        made.complete()
        if len(wrapped(home)) == len(made.keys):  # it was killed before it began
            made.forget()
        made.check()
    shutil.rmtree(whole)
    assert begun
    return len(range(step, total, step))


@pytest.mark.parametrize(("kind", "step"), [("conversation", 233), ("before", 401), ("expired", 499), ("all", 283)])
def test_killed_in_the_middle(home: Path, kind: str, step: int) -> None:
    assert every_line(home, kind, step) >= 2


@pytest.mark.bench
@pytest.mark.parametrize(("kind", "step"), [("conversation", 1), ("before", 5), ("expired", 5), ("all", 1)])
def test_killed_at_every_line(home: Path, kind: str, step: int) -> None:
    assert every_line(home, kind, step) > 150


def at_random(home: Path, kind: str, times: int, seed: int) -> int:
    """Kill it at moments by chance; how often it was in the middle."""
    made = Home(home, kind)
    whole = home.with_name(f"{home.name}-whole")
    shutil.copytree(home, whole, symlinks=True)
    begun = time.perf_counter()
    made.forget()
    takes, random, hit = time.perf_counter() - begun, Random(seed), 0
    for _ in range(times):
        shutil.rmtree(home)
        shutil.copytree(whole, home, symlinks=True)
        wait = random.uniform(0, 1.5 * takes)
        killed.at_moment(made.forget, lambda wait=wait: time.sleep(wait))  # type: ignore[misc]
        assert planted.found([home]) == []
        hit += erasure.pending()
        made.complete()
        if len(wrapped(home)) == len(made.keys):
            made.forget()
        made.check()
    shutil.rmtree(whole)
    return hit


def test_killed_at_moments_by_chance(home: Path) -> None:
    at_random(home, "all", 4, seed=1)


@pytest.mark.bench
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_many_moments_by_chance(home: Path, kind: str) -> None:
    assert at_random(home, kind, 100, seed=2) > 5


def test_killed_while_it_completes(home: Path) -> None:
    """A second crash, in what the next start does."""
    made = Home(home, "all")
    assert killed.at_line(made.forget, killed_after_intent(made))
    whole = home.with_name(f"{home.name}-begun")
    shutil.copytree(home, whole, symlinks=True)
    total = killed.lines(made.complete)
    for line in range(50, total, 499):
        shutil.rmtree(home)
        shutil.copytree(whole, home, symlinks=True)
        assert killed.at_line(made.complete, line)
        made.complete()
        made.check()


def killed_after_intent(made: Home) -> int:
    """A line at which the list of an erasure is written, and nothing is done yet."""
    whole = made.folder.with_name(f"{made.folder.name}-first")
    shutil.copytree(made.folder, whole, symlinks=True)
    line = killed.once(made.forget, erasure.pending)
    shutil.rmtree(made.folder)
    shutil.copytree(whole, made.folder, symlinks=True)
    return line
