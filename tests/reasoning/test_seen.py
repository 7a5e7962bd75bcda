"""Claims of what a picture shows: counts, presence, the member of a category, confirmation of what is told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from fakes import signal

from edge_assistant.evidence import Evidence, Locator, Scene, Thing
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.seen import COUNT, PRESENCE, confirms, counted, member, seen_claims
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values import Quantity, Truth, Words
from edge_assistant.signals import Kind


def picture(counts: Mapping[str, int]) -> Source:
    given = signal(Kind.IMAGE)
    things = [label for label, number in counts.items() for _ in range(number)]
    details = [Scene(tuple(counts.items())), *(Thing(label) for label in things)]
    evidence = (Evidence(f"E{i}", given.id, str(d), 0.9, Locator(), d) for i, d in enumerate(details, 1))
    return Source(given, tuple(evidence))


def test_each_object_is_counted_and_there() -> None:
    claims = list(seen_claims(picture({"giraffe": 2, "zebra": 1})))
    assert [(c.attribute, c.subject, c.value, c.evidence) for c in claims] == [
        (COUNT, "giraffe", Quantity((Decimal(2),)), ("E1", "E2", "E3")),
        (PRESENCE, "giraffe", Truth(True), ("E1", "E2", "E3")),
        (COUNT, "zebra", Quantity((Decimal(1),)), ("E1", "E4")),
        (PRESENCE, "zebra", Truth(True), ("E1", "E4")),
    ]


def test_a_count_is_found_by_its_noun() -> None:
    claims = list(seen_claims(picture({"giraffe": 2})))
    assert [claim.text for claim in counted("giraffe", claims)] == ["2"]
    assert counted("dog", claims) == []


@pytest.mark.parametrize(
    ("counts", "found"),
    [({"dog": 1}, ["dog"]), ({"dog": 3, "car": 1}, ["dog"]), ({"dog": 1, "cat": 1}, []), ({"car": 1}, []), ({}, [])],
)
def test_the_member_of_a_category_is_the_only_one(counts: Mapping[str, int], found: list[str]) -> None:
    assert [claim.text for claim in member("animal", list(seen_claims(picture(counts))))] == found


def test_who_is_told_to_be_absent_is_no_member() -> None:
    absent = Claim("text:1", Truth(False), "no dogs", ("E1",), attribute=PRESENCE, subject="dog")
    assert member("animal", [absent]) == []


def test_a_picture_confirms_what_is_told() -> None:
    source = picture({"frisbee": 1, "dog": 1})
    claim = confirms(source, Words(frozenset({"purple", "frisbee"})))
    assert claim is not None
    assert (claim.text, claim.evidence) == ("frisbee", ("E2",))
    assert confirms(source, Words(frozenset({"purple", "ball"}))) is None
