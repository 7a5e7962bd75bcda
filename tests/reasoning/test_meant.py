"""Which one of several things is meant, where only examples tell: the sentence embedder compares."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from joins import GOODS, ITEMS, MEDICINES, values

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.meant import Meant
from edge_assistant.runtime import Runtime
from edge_assistant_models.installed import InstalledModel

OUT = "What is the dose of the medicine he has run out of?"
CAME = "On which shelf do the goods that arrived belong?"
PAID = "How much is to be reimbursed?"


@pytest.fixture(scope="module")
def meant(models: Callable[[str], InstalledModel]) -> Meant:
    embedder = Embedder(models("embedder"), Runtime(2))
    return Meant(lambda: embedder)


@pytest.mark.parametrize(
    "note",
    [
        "The bottle of metformin had nothing in it when he shook it.",
        "He swallowed his final metformin yesterday.",
        "She hasn't a single metformin to her name.",
        "The metformin jar is bare.",
        "Not one metformin remains.",
        "Metformin supplies have dried up.",
        "Please phone the pharmacy about metformin, she has none.",
        "Her cupboard contains no metformin.",
        "Nothing remains of the metformin.",
        "The metformin doesn't reach to the weekend.",
    ],
)
def test_a_medicine_has_run_out(note: str, meant: Meant) -> None:
    assert values(OUT, MEDICINES, note, meant=meant) == ["850 mg"]


@pytest.mark.parametrize(
    "note",
    [
        "A van pulled up with film reels this morning.",
        "We've just been handed the film reels.",
        "The film reels showed up at last.",
        "Film reels were wheeled in.",
        "It was film reels that they carried in.",
        "Film reels have reached the warehouse.",
        "We are now in possession of the film reels.",
    ],
)
def test_goods_have_arrived(note: str, meant: Meant) -> None:
    assert values(CAME, GOODS, note, meant=meant) == ["B9"]


@pytest.mark.parametrize(
    "note",
    [
        "The green tea was for our customer.",
        "Put the green tea on the firm's bill.",
        "Please give me back the money for the green tea.",
        "I ordered the green tea for the guest.",
        "The green tea was my guest's.",
    ],
)
def test_an_item_is_paid_back(note: str, meant: Meant) -> None:
    assert values(PAID, ITEMS, note, meant=meant) == ["3.40"]


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("How strong is whatever has to come from the pharmacy?", "She has run out of metformin."),
        ("The thing he has none of, how many milligrams is that?", "She has run out of metformin."),
        ("How many milligrams does the tablet have that isn't there any more?", "She has run out of metformin."),
    ],
)
def test_a_question_means_what_ran_out(question: str, note: str, meant: Meant) -> None:
    assert values(question, MEDICINES, note, meant=meant) == ["850 mg"]


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("What does the item cost that is not for the company?", "The green tea was private."),
        ("What did he spend on himself?", "The green tea was private."),
        ("How much do we give back?", "Only the green tea is on the company."),
    ],
)
def test_a_question_means_what_is_private_or_paid_back(question: str, note: str, meant: Meant) -> None:
    assert values(question, ITEMS, note, meant=meant) == ["3.40"]


@pytest.mark.parametrize(
    ("question", "things", "note"),
    [
        (OUT, MEDICINES, "He takes metformin with breakfast."),
        (OUT, MEDICINES, "Metformin works well for her."),
        (OUT, MEDICINES, "The metformin comes in boxes."),
        (OUT, MEDICINES, "Her husband has no metformin left."),
        (CAME, GOODS, "The film reels come tomorrow."),
        (CAME, GOODS, "The shelf of the film reels is dusty."),
        (CAME, GOODS, "The customer picks up the film reels."),
        (PAID, ITEMS, "The green tea was delicious."),
        ("When is his next visit?", MEDICINES, "She has run out of metformin."),
        ("What does he weigh?", MEDICINES, "She has run out of metformin."),
        ("What humidity should it have?", GOODS, "The film reels arrived today."),
    ],
)
def test_nothing_says_which_one_is_meant(
    question: str, things: dict[str, dict[str, str]], note: str, meant: Meant
) -> None:
    assert values(question, things, note, meant=meant) == []


def test_no_examples_are_compared_without_an_embedder() -> None:
    assert values(OUT, MEDICINES, "The metformin jar is bare.", meant=Meant(lambda: None)) == []
