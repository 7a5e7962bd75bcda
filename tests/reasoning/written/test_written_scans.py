"""Receipts that are drawn, worn by a scanner and read by the real reader: what is claimed of them is on them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fakes import signal
from written_pages import Receipt, receipt

from edge_assistant.bench.paper import Wear, scan_look
from edge_assistant.perception.pictures import Page
from edge_assistant.perception.writing import Writing
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Day, Quantity
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind
from edge_assistant_models.installed import InstalledModel

ATTRIBUTES = ("total", "date", "cash", "change", "seller")


@pytest.fixture(scope="module")
def sense(models: Callable[[str], InstalledModel]) -> Writing:
    return Writing({"writing": models("writing")}, Runtime.detect())


def judged(sense: Writing, seed: int, wear: Wear) -> Counter[str]:
    """How many claims about a receipt are `right` and `wrong`, and how many are `absent`."""
    page = receipt(seed)
    pixels = np.asarray(scan_look(page.image(), seed, wear))
    found = sense.read(Page(None, pixels, (pixels.shape[1], pixels.shape[0])), "image:1")
    evidence = tuple(replace(item, id=f"E{number}") for number, item in enumerate(found, 1))
    claims = written_claims(Source(signal(Kind.IMAGE), evidence))
    return Counter(_judged(page, claims, attribute) for attribute in ATTRIBUTES)


def _judged(page: Receipt, claims: list[Claim], attribute: str) -> str:
    truth = page.truth.get(attribute)
    said = [claim for claim in claims if claim.attribute == attribute and claim.subject is None]
    if not said:
        return "untold" if truth is None else "absent"
    return "right" if all(_is(claim, truth) for claim in said) else "wrong"


def _is(claim: Claim, truth: object) -> bool:
    match claim.value:
        case Quantity(readings=readings):
            return readings[0] == truth
        case Day(readings=days):
            return truth in days
        case _:
            return re.sub(r"\W", "", claim.text).lower() == re.sub(r"\W", "", str(truth)).lower()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_receipt_from_a_scanner(sense: Writing, seed: int) -> None:
    result = judged(sense, seed, Wear())
    assert (result["wrong"], result["absent"]) == (0, 0)


@pytest.mark.bench
def test_receipts_of_every_layout_and_wear(sense: Writing) -> None:
    wears = (Wear(), Wear(noise=11, blur=1.1, quality=42))
    total = sum((judged(sense, seed, wears[seed % 2]) for seed in range(42)), Counter[str]())
    print(dict(total))
    assert total["right"] >= 0.95 * (total["right"] + total["wrong"])
    assert total["absent"] <= 0.05 * total["right"]
