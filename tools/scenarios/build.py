"""The whole set: so many scenarios of each domain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scenarios import clinic, labels, machines, photos, plates, receipts
from scenarios.desk import Desk
from scenarios.model import Scenario
from scenarios.objects import Photo, drawing, photographs

_MAKERS: dict[str, Callable[[Desk, int], Scenario]] = {
    "clinic": clinic.make,
    "receipts": receipts.make,
    "machines": machines.make,
    "plates": plates.make,
    "labels": labels.make,
}
DOMAINS = (*_MAKERS, "photos")


def build(
    seed: int, split: str, per_domain: int, folder: Path | None = None, only: str | None = None, *, drawn: bool = False
) -> list[Scenario]:
    """Make the scenarios.

    Args:
        seed: the same seed gives the same scenarios.
        split: which half of the phrasings, and of the photographs; those apart have those of `test`.
        per_domain: how many of each domain.
        folder: photographs with `labels.json`.
        only: one domain.
        drawn: without photographs make drawings of labels, rather than leave that domain out.
    """
    found = []
    for domain, make in _MAKERS.items():
        if only in (None, domain):
            desk = Desk(domain, split, seed, per_domain)
            found += [make(desk, number) for number in range(per_domain)]
    if only in (None, "photos") and (folder is not None or drawn):
        found += _photos(Desk("photos", split, seed, (per_domain + 1) // 2), per_domain, folder)
    return found


def _photos(desk: Desk, wanted: int, folder: Path | None) -> list[Scenario]:
    """Scenarios of photographs, each of which serves twice at most: for what it shows, and for how many."""
    if folder is None:
        pictures: list[Photo] = [drawing(desk.draw) for _ in range(wanted)]
    else:
        pictures = photographs(folder)[0 if desk.split == "dev" else 1 :: 2]
        desk.draw.shuffle(pictures)
    uses = [(picture, count) for count in (False, True) for picture in pictures]
    uses = [(p, count) for p, count in uses if (p.kinds() and p.countable()) or count == (not p.kinds())][:wanted]
    return [photos.make(desk, number, picture, count=count) for number, (picture, count) in enumerate(uses)]
