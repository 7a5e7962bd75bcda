"""Claims of what a picture shows: counts, presence, the member of a category, confirmation of what is told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from fakes import signal

from edge_assistant.evidence import Evidence, Locator, Scene, Thing
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.seen import (
    COUNT,
    PRESENCE,
    confirms,
    counted,
    member,
    members,
    present,
    seen_claims,
    unseen,
)
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Nothing, Quantity, Truth
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
    claim = confirms(source, "purple frisbee")
    assert claim is not None
    assert (claim.text, claim.evidence) == ("frisbee", ("E2",))
    assert confirms(source, "purple ball") is None


def test_a_picture_confirms_by_another_word() -> None:
    claim = confirms(picture({"wine glass": 1}), "an elegant wineglass")
    assert claim is not None
    assert claim.text == "wine glass"


def tells(*labels: str, signal: str = "text:1", there: bool = True) -> list[Claim]:
    return [
        Claim(signal, Truth(there), label, (f"T{i}",), attribute=PRESENCE, subject=label)
        for i, label in enumerate(labels)
    ]


def test_a_category_is_counted_together() -> None:
    claims = list(seen_claims(picture({"dog": 2, "cat": 1, "car": 4})))
    (claim,) = counted("animal", claims)
    assert (claim.text, claim.evidence) == ("3", ("E1", "E2", "E3", "E4"))


def test_a_picture_does_not_count_women() -> None:
    assert counted("woman", list(seen_claims(picture({"person": 2})))) == []


def test_what_is_denied_is_counted_as_none() -> None:
    (claim,) = counted("car", tells("car", there=False))
    assert claim.value == Nothing()
    assert counted("bus", tells("car", there=False)) == []


@pytest.mark.parametrize(
    ("kind", "shown", "told", "named"),
    [
        ("animal", {"elephant": 1, "person": 2}, ("cow",), ["elephant", "cow"]),
        ("animal", {"dog": 2, "cat": 1}, ("dog",), ["dog", "dog"]),
        ("animal", {"dog": 2, "cat": 1}, (), ["dog and cat"]),
        ("furniture", {"chair": 4, "bed": 1, "couch": 1}, ("bed", "chair"), ["chair, bed and couch", "bed and chair"]),
        ("riding", {"person": 1, "horse": 1}, ("horse",), ["horse", "horse"]),
        ("riding", {"person": 2, "horse": 1, "bicycle": 1}, (), []),
        ("riding", {"person": 2, "horse": 1, "bicycle": 1}, ("bicycle",), ["bicycle", "bicycle"]),
        ("on the table", {"cup": 1, "fork": 2, "dining table": 1}, (), ["cup and fork"]),
        ("vehicle", {"dog": 1}, ("person",), []),
    ],
)
def test_the_members_of_a_kind(kind: str, shown: Mapping[str, int], told: tuple[str, ...], named: list[str]) -> None:
    found = members(kind, {"image:1": list(seen_claims(picture(shown))), "text:1": tells(*told)})
    assert [claim.text for claims in found.values() for claim in claims] == named


@pytest.mark.parametrize(
    ("kind", "claims", "values"),
    [
        ("dog", tells("dog", "cat"), [Truth(True)]),
        ("animal", tells("cat"), [Truth(True)]),
        ("dog", tells("dog", there=False), [Truth(False)]),
        ("animal", tells("dog", there=False), []),
        ("dog", tells("cat"), []),
    ],
)
def test_whether_a_thing_is_there(kind: str, claims: list[Claim], values: list[Truth]) -> None:
    assert [claim.value for claim in present(kind, claims)] == values


def test_a_picture_without_a_thing_shows_that_there_is_none() -> None:
    claim = unseen("dog", picture({"cat": 1}))
    assert claim is not None
    assert (claim.value, claim.evidence) == (Truth(False), ("E1",))
    assert unseen("animal", picture({"cat": 1})) is None
    assert unseen("dog", picture({})) is None  # a written page, perhaps
