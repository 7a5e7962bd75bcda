"""Several tokens decoded at a time: the text stays the greedy one, and where it would not pay none is drafted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.context import MOST_OUTPUTS
from edge_assistant.language.engine import LlamaEngine
from edge_assistant.language.lookup import ALIKE, MARGIN, Costs, Lookup, Pace, cost, likely
from edge_assistant_models.model import InstalledModel

LINES = [
    "The pump on line 3 was checked by Ana Duarte and its seal replaced after 412 hours.",
    "The invoice over 83.20 EUR was paid by bank transfer on the 14th.",
    "She reports chest pain since 4 hours, which grows worse when she climbs the stairs.",
]
EVIDENCE = "Evidence:\n" + "\n".join(f"[E{i}] {line}" for i, line in enumerate(LINES, 1)) + "\n\nQuestion:"


Opens = Callable[..., LlamaEngine]
REPEAT = "Repeat every line of the evidence."


@pytest.fixture(scope="module")
def opened(tiny: InstalledModel) -> Iterator[Opens]:
    engines: list[LlamaEngine] = []

    def opens(pace: type[Pace] | None = None, context: int = 1024, model: InstalledModel = tiny) -> LlamaEngine:
        """An engine that drafts by a pace; without one it decodes token by token."""
        engines.append(LlamaEngine(model, Runtime(1), context, speculative=pace is not None))
        engines[-1]._pace = pace
        return engines[-1]

    yield opens
    for engine in engines:
        engine.close()


def ask(question: str) -> list[Message]:
    system = "You answer questions from numbered evidence. End each sentence with the number of its evidence."
    return [Message(Role.SYSTEM, system), Message(Role.USER, f"{EVIDENCE} {question}", len(EVIDENCE))]


class Eager(Pace):
    """Takes every draft, as far as it goes."""

    def length(self, drafted: int, found: int) -> int:
        return drafted


def write(engine: LlamaEngine, messages: list[Message], tokens: int = 60) -> str:
    return "".join(engine.stream(messages, max_tokens=tokens))


def watched(engine: LlamaEngine) -> list[tuple[int, int]]:
    """For each batch that is verified from now on the tokens before it, and its own."""
    calls: list[tuple[int, int]] = []
    verify = engine._context.verify

    def called(tokens: list[int]) -> list[tuple[int, float]]:
        calls.append((len(engine._context.tokens), len(tokens)))
        return verify(tokens)

    engine._context.verify = called  # type: ignore[assignment,method-assign]
    return calls


@pytest.mark.parametrize("question", [REPEAT, "What was paid?"])
def test_the_text_is_the_one_of_plain_decoding(
    opened: Opens, models: Callable[[str], InstalledModel], question: str
) -> None:
    plain, eager = (opened(pace, 512, models("language")) for pace in (None, Eager))
    calls = watched(eager)
    text = write(eager, ask(question), 40)
    assert text == write(plain, ask(question), 40)
    assert text
    decoded = [count for _, count in calls]
    assert max(decoded) > 4, "drafts were verified"
    assert len(decoded) < sum(decoded), "and none of their tokens is counted twice"
    assert eager.usage.completion_tokens in range(len(decoded), 41)


def test_an_answer_is_as_long_as_it_may_be(opened: Opens) -> None:
    """Of each batch what was right stays in the cache, and what is written next stands behind just that."""
    eager, plain = opened(Eager), opened()
    for tokens in (0, 1, 7, 200):
        text = write(eager, ask(REPEAT), tokens)
        assert text == write(plain, ask(REPEAT), tokens)
        context, prompt = eager._context, eager._prompt(ask(REPEAT))
        assert context.tokens[: len(prompt.tokens)] == list(prompt.tokens)
        pieces = map(eager._tokenizer.piece, context.tokens[len(prompt.tokens) :])
        assert text.startswith((written := b"".join(pieces).decode("utf-8", "replace"))[:-3]) or written.startswith(
            text
        )
        assert context._llama.llama_memory_seq_pos_max(context._memory, 0) == len(context.tokens) - 1
    size = len(prompt.tokens) + 20  # the answer ends where the context does
    eager, plain = opened(Eager, size), opened(None, size)
    assert write(eager, ask(REPEAT), 300) == write(plain, ask(REPEAT), 300) != ""
    assert len(eager._context.tokens) <= eager._context.size


def test_a_near_thing_is_decided_by_small_batches_over_what_they_computed(opened: Opens) -> None:
    """Those compute as single tokens do; larger ones do not, neither what comes next nor what is behind it then."""
    engine = opened(Eager)
    whole = write(engine, ask(REPEAT))
    verify = engine._context.verify

    def unsure(tokens: list[int]) -> list[tuple[int, float]]:
        wrong = len(tokens) > ALIKE
        return [(0 if wrong else token, MARGIN / 2 if wrong else gap) for token, gap in verify(tokens)]

    engine._context.verify = unsure  # type: ignore[assignment,method-assign]
    calls = watched(engine)
    assert write(engine, ask(REPEAT)) == whole
    large = [place for place, (_, count) in enumerate(calls) if count > ALIKE]
    assert large
    for place in large:
        assert calls[place + 1][0] == calls[place][0], "from where the batch began"
        assert calls[place + 1][1] <= ALIKE


def test_a_stream_that_is_left_in_the_middle_of_a_draft_leaves_no_trace(opened: Opens) -> None:
    engine = opened(Eager)
    whole = write(engine, ask(REPEAT))
    for pieces in (1, 5, 20):
        stream = engine.stream(ask(REPEAT), max_tokens=60)
        for _ in range(pieces):
            next(stream)
        stream.close()
        before = replace(engine.usage)
        assert write(engine, ask(REPEAT)) == whole
        assert engine.usage.reused_tokens > before.reused_tokens


TOKENS = st.lists(st.integers(0, 3), max_size=40)


@given(st.lists(TOKENS, min_size=1, max_size=3), TOKENS)
def test_a_draft_is_what_followed_the_last_tokens_before(texts: list[list[int]], written: list[int]) -> None:
    lookup = Lookup([[7, 8, 9], *texts])
    for token in written:
        lookup.add(token)
    draft, found = lookup.draft()
    if not found:
        assert draft == []
        return
    assert 2 <= found <= len(written)
    assert len(draft) < MOST_OUTPUTS
    assert -1 not in draft
    if draft:
        found_again = [*written[-found:], *draft]
        everything = [*texts, written]
        assert any(text[i : i + len(found_again)] == found_again for text in everything for i in range(len(text))), (
            "it stands in one text, in one piece"
        )


def test_the_longest_match_tells_what_follows() -> None:
    lookup = Lookup([[1, 2, 3, 4, 50, 51], [9, 3, 4, 60, 61]])
    for token in (1, 2, 3, 4):
        lookup.add(token)
    assert lookup.draft() == ([50, 51], 4)


def test_evidence_is_expected_with_its_numbers_before_it_behind_it_and_without_it() -> None:
    before, behind, alone = likely(ask("why?"))
    assert before.startswith(f"[E1] {LINES[0]} [E2] {LINES[1]}")
    assert behind.startswith(f"{LINES[0][:-1]} [E1]. {LINES[1][:-1]} [E2].")
    assert alone == ", ".join(f"[E{number}]" for number in range(1, len(LINES) + 1)) + "."


def test_what_is_copied_is_drafted_until_that_fails_too_often() -> None:
    pace = Pace()
    assert pace.length(20, 16) > 0, "what is being copied is drafted"
    assert pace.length(20, 2) == 0, "two words in common are not enough"
    for _ in range(60):
        pace.judged(16, 0, 8)
    assert pace.length(20, 16) == 0
    for _ in range(600):
        pace.judged(16, 1, 1)
    assert pace.length(20, 16) > 0, "what goes well again is tried again"


def test_drafts_end_for_good_where_batches_cost_as_much_as_their_tokens(opened: Opens) -> None:
    dear, usual, unknown = Costs(), Costs(), Costs()
    for costs, times in ((dear, 16), (usual, 8)):
        for _ in range(20):
            costs.took(1, 0.01)
            costs.took(16, 0.01 * times)
    unknown.took(16, 1.0)
    assert (dear.pay, usual.pay, unknown.pay) == (False, True, True)
    engine = opened(Eager)
    engine._costs = dear
    calls = watched(engine)
    assert write(engine, ask(REPEAT))
    assert not calls


@given(st.integers(1, MOST_OUTPUTS), st.integers(2, 40))
def test_a_draft_is_never_longer_than_it_is(drafted: int, found: int) -> None:
    assert 0 <= Pace().length(drafted, found) <= drafted
    assert 1.0 <= cost(drafted) <= drafted + 0.4
