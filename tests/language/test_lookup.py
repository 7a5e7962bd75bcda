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
from edge_assistant_models.installed import InstalledModel

LINES = [
    "The pump on line 3 was checked by Ana Duarte and its seal replaced after 412 hours.",
    "The invoice over 83.20 EUR was paid by bank transfer on the 14th.",
    "She reports chest pain since 4 hours, which grows worse when she climbs the stairs.",
]
EVIDENCE = "Evidence:\n" + "\n".join(f"[E{i}] {line}" for i, line in enumerate(LINES, 1)) + "\n\nQuestion:"


@pytest.fixture(scope="module")
def opened(models: Callable[[str], InstalledModel]) -> Iterator[Callable[..., LlamaEngine]]:
    engines: list[LlamaEngine] = []

    def opens(*, speculative: bool = True, context: int = 512) -> LlamaEngine:
        engines.append(LlamaEngine(models("language"), Runtime(1), context, speculative=speculative))
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


@pytest.mark.parametrize("question", ["Repeat every line of the evidence.", "What was paid?", "Count to forty."])
def test_the_text_is_the_one_of_plain_decoding(opened: Callable[..., LlamaEngine], question: str) -> None:
    plain, eager = opened(speculative=False), opened()
    eager._pace = Eager
    decoded: list[int] = []
    verify = eager._context.verify
    eager._context.verify = lambda tokens: decoded.append(len(tokens)) or verify(tokens)  # type: ignore[method-assign]
    text = write(eager, ask(question))
    assert text == write(plain, ask(question))
    assert text
    assert max(decoded) > 4, "drafts were verified"
    assert len(decoded) < sum(decoded), "and none of their tokens is counted twice"
    assert eager.usage.completion_tokens in range(len(decoded), 61)


def test_a_near_thing_is_decided_by_small_batches_over_what_they_computed(opened: Callable[..., LlamaEngine]) -> None:
    """Those compute as single tokens do; larger ones do not, neither what comes next nor what is behind it then."""
    engine = opened()
    engine._pace = Eager
    messages = ask("Repeat every line of the evidence.")
    whole = write(engine, messages)
    calls: list[tuple[int, int]] = []
    verify = engine._context.verify

    def unsure(tokens: list[int]) -> list[tuple[int, float]]:
        calls.append((len(engine._context.tokens), len(tokens)))
        wrong = len(tokens) > ALIKE
        return [(0 if wrong else token, MARGIN / 2 if wrong else gap) for token, gap in verify(tokens)]

    engine._context.verify = unsure  # type: ignore[assignment,method-assign]
    assert write(engine, messages) == whole
    large = [place for place, (_, count) in enumerate(calls) if count > ALIKE]
    assert large
    for place in large:
        assert calls[place + 1][0] == calls[place][0], "from where the batch began"
        assert calls[place + 1][1] <= ALIKE


def test_rejected_tokens_leave_nothing_behind(opened: Callable[..., LlamaEngine]) -> None:
    """Of each batch what was right stays in the cache, and what is written next stands behind just that."""
    engine = opened()
    engine._pace = Eager
    prompt = engine._prompt(ask("Repeat every line of the evidence."))
    text = write(engine, ask("Repeat every line of the evidence."), tokens=40)
    context = engine._context
    assert context.tokens[: len(prompt.tokens)] == list(prompt.tokens)
    written = b"".join(engine._tokenizer.piece(token) for token in context.tokens[len(prompt.tokens) :]).decode()
    assert text.startswith(written) or written.startswith(text)
    last = context._llama.llama_memory_seq_pos_max(context._memory, 0)
    assert last == len(context.tokens) - 1


@pytest.mark.parametrize("tokens", [0, 1, 7])
def test_no_more_is_written_than_may_be(opened: Callable[..., LlamaEngine], tokens: int) -> None:
    eager, plain = opened(), opened(speculative=False)
    eager._pace = Eager
    messages = ask("Repeat every line of the evidence.")
    assert write(eager, messages, tokens) == write(plain, messages, tokens)


def test_an_answer_ends_where_the_context_does(opened: Callable[..., LlamaEngine]) -> None:
    engine, plain = opened(context=140), opened(speculative=False, context=140)
    engine._pace = Eager
    messages = ask("Repeat every line of the evidence.")
    assert write(engine, messages, 300) == write(plain, messages, 300) != ""
    assert len(engine._context.tokens) <= 140


def test_a_stream_that_is_left_in_the_middle_of_a_draft_leaves_no_trace(opened: Callable[..., LlamaEngine]) -> None:
    engine = opened()
    engine._pace = Eager
    messages = ask("Repeat every line of the evidence.")
    whole = write(engine, messages)
    for pieces in (1, 5, 20):
        stream = engine.stream(messages, max_tokens=60)
        for _ in range(pieces):
            next(stream)
        stream.close()
        before = replace(engine.usage)
        assert write(engine, messages) == whole
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


def test_drafts_end_for_good_where_batches_cost_as_much_as_their_tokens(opened: Callable[..., LlamaEngine]) -> None:
    dear, usual, unknown = Costs(), Costs(), Costs()
    for costs, times in ((dear, 16), (usual, 8)):
        for _ in range(20):
            costs.took(1, 0.01)
            costs.took(16, 0.01 * times)
    unknown.took(16, 1.0)
    assert (dear.pay, usual.pay, unknown.pay) == (False, True, True)
    engine = opened()
    engine._costs = dear
    calls: list[int] = []
    verify = engine._context.verify
    engine._context.verify = lambda tokens: calls.append(len(tokens)) or verify(tokens)  # type: ignore[method-assign]
    assert write(engine, ask("Repeat every line of the evidence."))
    assert not calls


@given(st.integers(1, MOST_OUTPUTS), st.integers(2, 40))
def test_a_draft_is_never_longer_than_it_is(drafted: int, found: int) -> None:
    assert 0 <= Pace().length(drafted, found) <= drafted
    assert 1.0 <= cost(drafted) <= drafted + 0.4
