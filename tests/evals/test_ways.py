"""Baselines with a scripted model: what they ask, what they make of what a small model writes."""

from __future__ import annotations

import pytest
from helpers.engines import scripted, source

from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind
from evals.ways import Ablation, BaselinePrompt, within_budget

EVIDENCE: list[Evidence] = [
    *source(["Shop of Lim", "Total 38.40"], Kind.IMAGE).evidence,
    *source(["I paid thirty-four eighty"], Kind.AUDIO, first=3).evidence,
]
QUESTION = "What was paid?"


def test_the_prompt_holds_all_evidence_and_what_is_asked() -> None:
    engine = scripted('{"answer": "38.40", "status": "supported", "citations": ["E2"]}')
    reply = BaselinePrompt().answer(QUESTION, EVIDENCE, engine)
    (messages,) = engine.prompts
    assert messages[-1].content == (
        "Evidence:\n[E1] picture: Shop of Lim\n[E2] picture: Total 38.40\n[E3] recording: I paid thirty-four eighty\n"
        "\nQuestion: What was paid?"
    )
    assert (reply["answer"], reply["status"], reply["citations"]) == ("38.40", "supported", ["E2"])
    assert [(item["id"], item["signal"]) for item in reply["evidence"]] == [
        ("E1", "image:1"),
        ("E2", "image:1"),
        ("E3", "audio:1"),
    ]


@pytest.mark.parametrize(
    ("written", "answer", "status", "citations"),
    [
        ('Sure: {"answer": "a", "status": "supported", "citations": "E2 and [E3]"}', "a", "supported", ["E2", "E3"]),
        ('{"answer": "a", "status": "conflict", "citations": [{"id": "E3"}]} and more', "a", "conflict", ["E3"]),
        ('{"answer": "a [E1]", "status": "conflict", "citations": ["E2", "E', "a [E1]", "conflict", ["E2"]),
        ("It was 38.40.", "It was 38.40.", None, []),
        ("[1, 2]", "[1, 2]", None, []),
        ('{"status": "supported"}', "", "supported", []),
    ],
)  # fmt: skip
def test_what_a_small_model_writes_is_read_leniently(
    written: str, answer: str, status: str | None, citations: list[str]
) -> None:
    reply = BaselinePrompt().answer(QUESTION, EVIDENCE, scripted(written))
    assert (reply["answer"], reply["status"], reply["citations"]) == (answer, status, citations)


def test_the_ablation_reads_one_by_one_then_compares() -> None:
    engine = scripted("Total 38.40", "thirty-four eighty", '{"answer": "38.40 or 34.80", "status": "conflict"}')
    reply = Ablation().answer(QUESTION, EVIDENCE, engine)
    first, second, last = (messages[-1].content for messages in engine.prompts)
    assert "Source: picture\nShop of Lim\nTotal 38.40" in first
    assert "thirty-four" not in first
    assert "Total" not in second
    assert last == f"Question: {QUESTION}\n\nThe picture: Total 38.40\nThe recording: thirty-four eighty"
    assert (reply["status"], reply["citations"]) == ("conflict", ["image:1", "audio:1"])


def test_the_ablation_cites_who_told_something() -> None:
    engine = scripted("38.40", "NONE.", '{"answer": "38.40", "status": "supported"}')
    assert Ablation().answer(QUESTION, EVIDENCE, engine)["citations"] == ["image:1"]


def test_where_no_source_tells_the_ablation_compares_nothing() -> None:
    engine = scripted("NONE", "NONE")
    reply = Ablation().answer(QUESTION, EVIDENCE, engine)
    assert (reply["status"], reply["citations"], len(engine.prompts)) == ("not_in_evidence", [], 2)


def test_several_of_a_kind_have_numbers() -> None:
    evidence = [*source(["a"]).evidence, *source(["b"], number=2, first=2).evidence]
    engine = scripted("{}")
    BaselinePrompt().answer(QUESTION, evidence, engine)
    assert "[E1] text 1: a\n[E2] text 2: b\n" in engine.prompts[0][-1].content


def test_too_much_evidence_is_cut_where_it_is_longest() -> None:
    long = source([f"line {number}" for number in range(50)], Kind.TEXT).evidence
    short = source(["Total 38.40"], Kind.IMAGE, first=51).evidence
    kept = within_budget([*long, *short], scripted().count, budget=100)
    assert kept == [*long[:9], *short]
