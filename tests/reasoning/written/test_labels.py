"""What the labels of printed pages mean, in the abbreviations and spellings that forms, plates and receipts have."""

from __future__ import annotations

from pathlib import Path

import pytest
from written_details import read

from edge_assistant.evidence import Field
from edge_assistant.reasoning.rules.vocabulary import vocabulary

FOLDER = Path(__file__).parent
# What a receipt has besides the label that is tried
BILL = {"subtotal": ("Subtotal", "20.00"), "tax": ("Tax", "4.00"), "total": ("Total", "24.00")}
PAID = {"cash": ("Cash", "30.00"), "change": ("Change", "6.00")}
KNOWN = frozenset(attribute.name for attribute in vocabulary().attributes.values())


def table(name: str) -> list[tuple[str, ...]]:
    """The rows of a table of labels: label, value, what it tells."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [tuple(part.strip() for part in line.split("|")) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("label", "value", "expected"), table("labels.txt"))
def test_a_label_names_its_attribute(label: str, value: str, expected: str) -> None:
    found = {f"{c.attribute} = {c.text}" for c in read(Field(label, value)) if c.attribute in KNOWN}
    assert found == (set() if expected == "-" else set(expected.split(" & ")))


@pytest.mark.parametrize(("label", "value", "expected"), table("labels_receipt.txt"))
def test_a_label_of_a_receipt_names_its_attribute(label: str, value: str, expected: str) -> None:
    attribute, _, text = expected.partition(" = ")
    sums = [Field(*pair) for role, pair in (BILL | PAID).items() if role != attribute]
    found = {c.attribute: c.text for c in read(Field("Tea", "20.00"), *sums, Field(label, value)) if c.subject is None}
    assert found.get(attribute) == (text or value)
    roles = {"Field" if c == attribute else c for c in found}
    assert (BILL | PAID).keys() - {attribute} <= roles
