"""The corpus as data: how much there is, and that none of it is vacuous."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edge_assistant_quantize.metrics.scoring import states
from evals.attack.corpus import CARRIERS, UNSEEN, attacks, bases
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
    for number, attack in enumerate(attacks()):
        if attack.base and (attack.carrier not in ("picture", "code") or number % 28 == 0):  # drawing takes longest
            base = bases()[attack.base]
            first = made(f"{number}a", attack)
            assert first == made(f"{number}b", attack), attack.name
            if attack.base not in unharmed:
                unharmed[attack.base] = made(f"{number}c")
            assert first != unharmed[attack.base], attack.name
