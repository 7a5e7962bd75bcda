"""Verdicts: code decides, whatever the order of the claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Agreement
from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.claims import NEAR, Claim, Standing, compare, merge
from edge_assistant.reasoning.values.values import Clock, Day, Identifier, Nothing, Quantity, Truth, Value
from edge_assistant.reasoning.values.words import as_words
from edge_assistant_models.model import InstalledModel

VALUES: dict[str, Value] = {
    "none": Nothing(),
    "penicillin": as_words("penicillin"),
    "penicillin and latex": as_words("penicillin and latex"),
    "latex": as_words("latex"),
    "yes": Truth(True),
    "no": Truth(False),
    "12": Quantity((Decimal(12),)),
    "about 13": Quantity((Decimal(13),), approximate=True),
    "14": Quantity((Decimal(14),)),
    "2018-03-04": Day(((2018, 3, 4),)),
    "4 March": Day(((None, 3, 4),)),
    "2019-03-04": Day(((2019, 3, 4),)),
    "16:20": Clock((980,)),
}


def claim(text: str, signal: str = "text:1", evidence: str = "E1") -> Claim:
    return Claim(signal, VALUES[text], text, (evidence,))


def near(a: str, b: str) -> float:
    return 1.0 if {a, b} == {"penicillin", "latex"} else 0.0


def claims() -> st.SearchStrategy[list[Claim]]:
    """Some claims, of whatever signals."""
    texts = st.lists(st.tuples(st.sampled_from(list(VALUES)), st.integers(1, 3)), max_size=6)
    return texts.map(lambda found: [claim(t, f"text:{n}", f"E{i}") for i, (t, n) in enumerate(found)])


@given(st.data(), claims(), st.sampled_from([None, near]))
def test_the_order_of_the_claims_does_not_matter(data: st.DataObject, given_: list[Claim], nearness: object) -> None:
    shuffled = data.draw(st.permutations(given_))
    assert compare("x", given_, nearness).status is compare("x", shuffled, nearness).status  # type: ignore[arg-type]


@given(claims())
def test_each_claim_s_evidence_stands_in_exactly_one_value(given_: list[Claim]) -> None:
    verdict = compare("x", given_)
    cited = [id for told in verdict.values for id in told.evidence]
    assert sorted(cited) == sorted(claim.evidence[0] for claim in given_)
    assert (verdict.status is Agreement.MISSING) == (not given_)
    assert (verdict.status is Agreement.CONFLICT) == (len(verdict.values) > 1)


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([], Agreement.MISSING), (["none"], Agreement.SINGLE), (["none", "none"], Agreement.AGREE),
        (["penicillin", "penicillin and latex"], Agreement.AGREE),
        (["penicillin", "penicillin and latex", "latex"], Agreement.CONFLICT),
        (["penicillin", "latex"], Agreement.CONFLICT), (["12", "about 13"], Agreement.AGREE),
        (["12", "about 13", "14"], Agreement.CONFLICT), (["2018-03-04", "4 March"], Agreement.AGREE),
        (["2018-03-04", "4 March", "2019-03-04"], Agreement.CONFLICT), (["yes", "no"], Agreement.CONFLICT),
        (["none", "penicillin"], Agreement.CONFLICT), (["none", "12"], Agreement.CONFLICT),
    ],
)  # fmt: skip
def test_one_claim_of_each_signal(texts: list[str], status: Agreement) -> None:
    given_ = [claim(text, f"text:{i}", f"E{i}") for i, text in enumerate(texts, 1)]
    assert compare("x", given_).status is status


@pytest.mark.parametrize(("second", "status"), [("12", Agreement.SINGLE), ("14", Agreement.CONFLICT)])
def test_one_signal_is_single_and_can_contradict_itself(second: str, status: Agreement) -> None:
    assert compare("x", [claim("12", "text:1", "E1"), claim(second, "text:1", "E2")]).status is status


@pytest.mark.parametrize(
    ("one", "other", "cosine", "status"),
    [
        ("flat", "home", NEAR, Agreement.AGREE),
        ("flat", "home", NEAR - 0.01, Agreement.CONFLICT),
        ("gate 4", "door 5", 1.0, Agreement.CONFLICT),
        ("detected", "not found", 1.0, Agreement.CONFLICT),
        ("not there", "not found", 1.0, Agreement.AGREE),
        ("hepatitis B", "infection C", 1.0, Agreement.CONFLICT),
        ("hepatitis B", "the infection", 1.0, Agreement.AGREE),
    ],
)
def test_nearness_in_meaning_joins_words_and_no_numbers(one: str, other: str, cosine: float, status: Agreement) -> None:
    pair = [Claim("text:1", as_words(one), one, ("E1",)), Claim("text:2", as_words(other), other, ("E2",))]
    assert compare("x", pair, lambda a, b: cosine).status is status


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("couch", "sofa", True), ("kitten", "cat", True), ("red", "blue", False), ("penicillin", "amoxicillin", False),
        ("open", "closed", False), ("male", "female", False),
    ],
)  # fmt: skip
def test_what_excludes_each_other_is_not_near(
    models: Callable[[str], InstalledModel], one: str, other: str, near: bool
) -> None:
    left, right = Embedder(models("embedder"), Runtime(1)).embed([one, other])
    assert (float(left @ right) >= NEAR) is near


def test_what_is_told_twice_is_one_claim_with_the_evidence_of_both() -> None:
    twice = merge([claim("12", "text:1", "E1"), claim("12", "text:1", "E2"), claim("12", "text:2", "E3")])
    assert [(c.signal, c.evidence) for c in twice] == [("text:1", ("E1", "E2")), ("text:2", ("E3",))]


@pytest.mark.parametrize(
    ("signals", "codes", "status"),
    [
        (("audio:1", "image:1"), ("D76396", "B76396"), Agreement.AGREE),
        (("image:1", "audio:1"), ("B76396", "D76396"), Agreement.AGREE),
        (("audio:1", "image:1"), ("B76397", "B76396"), Agreement.CONFLICT),
        (("audio:1", "audio:2"), ("D76396", "B76396"), Agreement.CONFLICT),
        (("image:1", "image:2"), ("D76396", "B76396"), Agreement.CONFLICT),
    ],
)
def test_letters_that_sound_alike_are_one_where_a_code_is_heard_and_written(
    signals: tuple[str, str], codes: tuple[str, str], status: Agreement
) -> None:
    pair = [Claim(signal, Identifier(code), code, (code,)) for signal, code in zip(signals, codes, strict=True)]
    assert compare("x", pair).status is status


def test_a_value_is_as_sure_as_its_surest_claim_and_instructed_where_all_of_them_are() -> None:
    plain = replace(claim("12", "text:1", "E1"), confidence=0.6)
    stated = replace(claim("12", "text:2", "E2"), confidence=0.9, standing=Standing.STATED)
    (both,) = compare("x", [plain, stated]).values
    (only,) = compare("x", [stated]).values
    assert (both.confidence, both.instructed) == (0.9, False)
    assert (only.confidence, only.instructed) == (0.9, True)
