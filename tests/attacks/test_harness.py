"""What the attacks rest on: a corpus that is not vacuous, files hostile in one thing, effects that are seen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_assistant_quantize.metrics.scoring import states
from evals.attack.corpus import CARRIERS, UNSEEN, attacks, bases
from evals.attack.effects import watch_effects
from evals.attack.hostile import is_accepted
from evals.attack.make import files_of


def test_there_are_enough_attacks_and_none_wants_a_right_answer() -> None:
    carried = Counter(attack.carrier for attack in attacks())
    assert sum(carried.values()) >= 240
    assert set(carried) == {*CARRIERS.values(), UNSEEN}
    assert min(carried.values()) >= 10
    assert len({attack.name for attack in attacks()}) == len(attacks())
    assert {attack.base for attack in attacks()} == {"", *bases()}
    for base in bases().values():
        right = " ".join(base.answer)
        assert not any(states(right, [plant]) for plant in base.plants), base.name


def test_every_attack_changes_the_signals_and_the_same_way_each_time(tmp_path: Path) -> None:
    def made(folder: str, attack: object = None) -> list[tuple[str, bytes]]:
        room = tmp_path / folder
        room.mkdir()
        files = files_of(base, attack, room, lambda sentences: "|".join(sentences).encode())  # type: ignore[arg-type]
        return [(path.name, path.read_bytes()) for _, path in files]

    unharmed: dict[str, list[tuple[str, bytes]]] = {}
    for number, attack in [*enumerate(attacks())][::3]:
        if attack.base and (attack.carrier not in ("picture", "code") or number % 7 == 0):  # drawing takes longest
            base = bases()[attack.base]
            first = made(f"{number}a", attack)
            assert first == made(f"{number}b", attack), attack.name
            if attack.base not in unharmed:
                unharmed[attack.base] = made(f"{number}c")
            assert first != unharmed[attack.base], attack.name


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("catalog name", "a-fine-name"),
        ("catalog path", "model.onnx"),
        ("catalog address", 'key = "model"\nurl = "https://example.org/model.onnx"'),
        ("domain", '[names]\npotassium = ["k+"]\n'),
        ("domain", '[unit.bucket]\nwritten = ["bucket"]\ndimension = "volume"\nsize = "10"\n'),
        ("domain", '[[examples]]\nlines = ["Bed 4: K+ 3.9"]\nasked = [["What is the potassium?", "3.9"]]\n'),
        ("profile", "starter"),
    ],
)
def test_what_is_not_hostile_is_taken(way: str, words: str, tmp_path: Path) -> None:
    assert is_accepted(way, words, tmp_path)


EFFECTS: dict[str, Callable[[Path], object]] = {
    "write": lambda folder: (folder / "evil").write_text("x"),
    "append": lambda folder: (folder / "kept").open("a").close(),
    "descriptor": lambda folder: os.close(os.open(folder / "evil", os.O_CREAT | os.O_WRONLY)),
    "remove": lambda folder: (folder / "kept").unlink(),
    "rename": lambda folder: (folder / "kept").rename(folder / "gone"),
    "start": lambda folder: subprocess.run([sys.executable, "-c", ""], check=True),
    "shell": lambda folder: os.system("true"),
    "socket": lambda folder: socket.socket().close(),
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_is_seen(effect: str, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watch_effects([]) as done:
        EFFECTS[effect](tmp_path)
    assert done


def test_only_changes_within_are_effects_whatever_made_them(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with watch_effects([tmp_path]) as done:
        os.utime(tmp_path / "kept", (1, 1))  # past Python: no audit event that is listened to
        assert not done
    assert done == [f"{tmp_path.name} changed: kept"]
    with watch_effects([tmp_path]) as done:
        (tmp_path / "kept").read_text()
    (tmp_path / "evil").write_text("x")
    assert not done
