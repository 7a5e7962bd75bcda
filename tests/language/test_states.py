"""What was read is not read again, and nothing comes out differently for it: mostly over a model of random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_assistant.compute.accelerators import Offload
from edge_assistant.compute.runtime import Runtime
from edge_assistant.governance import erasure
from edge_assistant.language import llama
from edge_assistant.language import tokens as module
from edge_assistant.language.chat import TEMPLATES, Message, Role, render
from edge_assistant.language.engine import LlamaEngine
from edge_assistant.language.states import PrefixState, States, state_cache, usable
from edge_assistant.language.tokens import TokenizedPrompt, shared
from edge_assistant.vault import caches
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import Vault
from edge_assistant_models.model import InstalledModel

CONTEXT = 1536
OPTIONS = ["Ana", "Bob", "the pump", "no"]
NOTES = ["The pump was checked by Ana. " * 6, "Bob paid 12.40 for bolts. " * 9, "Line 4 stands still. " * 12]
SYSTEM = (
    "You read one source and answer a question about it, with the exact words of the source and as short as possible. "
    "If the source does not tell what is asked, answer that it is not told, and nothing else than that."
)


def ask(note: str, question: str = "who checked the pump?", *, lasting: bool = True) -> list[Message]:
    source = f"Source: a text\n{note}\n\nQuestion:"
    return [Message(Role.SYSTEM, SYSTEM), Message(Role.USER, f"{source} {question}", len(source), lasting)]


class Kept:
    """Keeps in memory what outlives an engine."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.full = False

    def mark(self) -> str | None:
        return "never forgets"

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def lacks(self, key: str) -> bool:
        return key not in self.kept

    def put(self, key: str, data: bytes, since: str | None = None) -> None:
        assert since == self.mark()
        if not self.full:
            self.kept[key] = data


Opens = Callable[..., LlamaEngine]
Fresh = Callable[[list[Message]], np.ndarray]


@pytest.fixture(scope="module")
def opened(tiny: InstalledModel) -> Iterator[Opens]:
    engines: list[LlamaEngine] = []

    def opens(
        cache: Kept | SealedCache | None = None, context: int = CONTEXT, model: InstalledModel = tiny
    ) -> LlamaEngine:
        engines.append(LlamaEngine(model, Runtime(1), context, cache=cache))
        return engines[-1]

    yield opens
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def engine(opened: Opens) -> LlamaEngine:
    return opened()


def alone(engine: LlamaEngine, messages: list[Message]) -> np.ndarray:
    """The logits behind a prompt of an engine that has nothing else."""
    engine._context.clear()
    return engine._context.read(engine._prompt(messages))


@pytest.fixture(scope="module")
def fresh(opened: Opens) -> Fresh:
    engine = opened()
    return lambda messages: alone(engine, messages)


def reads(engine: LlamaEngine, messages: list[Message]) -> tuple[np.ndarray, int, int]:
    """The logits behind a prompt, its tokens that were read, and those of its source that were known."""
    before, prompt = replace(engine.usage), engine._prompt(messages)
    logits, usage = engine._read(prompt), engine.usage
    known = usage.reused_tokens - before.reused_tokens
    return logits, len(prompt.tokens) - known, max(0, known - prompt.instruction)


def test_the_very_same_logits_whatever_was_read_before(
    opened: Opens, few: InstalledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over real weights, whose kernels differ by the size of a batch."""
    monkeypatch.setattr(module, "BATCH", 16)
    one, other = (opened(context=256, model=few) for _ in range(2))
    questions = [ask(note[:90], "which pump?") for note in NOTES]
    questions += [[Message(Role.SYSTEM, SYSTEM), Message(Role.USER, "Source: a text, and no more")], questions[0]]
    for messages in questions:
        assert np.array_equal(one._read(one._prompt(messages)), alone(other, messages))
        one.choose(messages, OPTIONS)  # what is chosen stands behind the prompt then
    assert one.usage.reused_tokens > 200


def test_a_beginning_is_read_before_there_is_a_question(opened: Opens, fresh: Fresh) -> None:
    engine = opened()
    beginning = ask(NOTES[0])
    beginning[1] = replace(beginning[1], content=beginning[1].content[: beginning[1].stable])
    engine.prefill(beginning)
    engine.prefill(ask(NOTES[1]))
    assert engine.usage.prompt_tokens == 0, "nobody asked"
    for note in NOTES[:2]:
        logits, read, _ = reads(engine, ask(note))
        assert read < 60
        assert np.array_equal(logits, fresh(ask(note)))


def test_what_is_known_is_not_read_ahead(engine: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    for note in NOTES:
        engine.choose(ask(note), OPTIONS)
    monkeypatch.setattr(engine._context, "_decode", lambda *given, **more: pytest.fail("it was read"))
    for note in NOTES:
        engine.prefill(ask(note, "something else"))


def test_a_new_process_reads_the_question_alone(opened: Opens, fresh: Fresh) -> None:
    cache, other = Kept(), Kept()
    engine = opened(cache)
    engine.choose(ask(NOTES[0], "who?"), OPTIONS)
    engine.choose(ask(NOTES[1], lasting=False), OPTIONS)
    assert not cache.kept, "nothing is kept while somebody waits for an answer"
    engine.settle()
    assert len(cache.kept) == 2, "the instruction, and the source that may be kept"
    kept = dict(cache.kept)
    engine.settle()
    engine.choose(ask(NOTES[0], "a secret that somebody typed"), OPTIONS)
    engine.settle()
    assert cache.kept == kept
    asking = opened(other)
    asking.choose(ask(NOTES[0], "a secret that somebody typed"), OPTIONS)
    asking.settle()
    assert other.kept == kept, "a question is not kept"
    later = opened(cache)
    for messages in (ask(NOTES[0], "what was done?"), ask(NOTES[1]), ask(NOTES[0])):
        logits, read, known = reads(later, messages)
        assert np.array_equal(logits, fresh(messages))
        assert (read < 60) == (known > 0) == (NOTES[0] in messages[1].content)


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda data: data[:10],
    lambda data: data[: len(data) // 2],
    lambda data: data + b"\0",
    lambda data: b"\0" * len(data),
    lambda data: data[:20] + b"\0" * 32 + data[52:],
]


def test_what_is_damaged_is_read_again(opened: Opens, fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of these bytes reach llama.cpp; a state of its own that it does not take costs no more than the reading."""
    cache, later = Kept(), Kept()
    engine, other = opened(cache), opened(later)
    for note in NOTES:
        engine.choose(ask(note), OPTIONS)
    engine.settle()
    for state in engine._reading._states:
        state.data[:] = 0
    for note in NOTES:
        assert np.array_equal(reads(engine, ask(note))[0], fresh(ask(note)))
    monkeypatch.setattr(other._context, "load", lambda *given: pytest.fail("llama.cpp was given it"))
    for damage in DAMAGES:
        later.kept = {key: damage(data) for key, data in cache.kept.items()}
        other.forget()
        logits, _, _ = reads(other, ask(NOTES[0]))
        assert np.array_equal(logits, fresh(ask(NOTES[0])))
    assert other.usage.reused_tokens == 0


def test_states_of_another_build_model_context_or_card_are_not_looked_at(
    opened: Opens, tiny: InstalledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Kept()
    engine = opened(cache)
    engine.choose(ask(NOTES[0]), OPTIONS)
    engine.settle()
    assert reads(opened(cache), ask(NOTES[0]))[2] > 60
    others = [opened(cache, context=1280), opened(cache, model=replace(tiny, sha256="b" * 64))]
    with monkeypatch.context() as patched:
        patched.setattr(llama, "build", lambda: "another")
        others.append(opened(cache))
    load = llama.load
    monkeypatch.setattr(llama, "load", lambda *given: (load(*given)[0], Offload(3, ("CUDA0",))))
    for other in (*others, opened(cache)):
        reads(other, ask(NOTES[0]))
        assert other.usage.reused_tokens == 0


def test_what_the_cache_lost_or_had_no_room_for_is_put_there_again(opened: Opens) -> None:
    cache = Kept()
    engine = opened(cache)
    cache.full = True
    engine.choose(ask(NOTES[0]), OPTIONS)
    engine.settle()
    assert not cache.kept
    cache.full = False
    engine.settle()
    kept = dict(cache.kept)
    assert len(kept) == 2
    cache.kept.clear()
    engine.settle()
    assert cache.kept == kept


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "only read"])
@pytest.mark.parametrize("asked", [True, False], ids=["another asks", "nobody asks"])
def test_what_was_read_before_a_forgetting_is_not_kept_after_it(
    opened: Opens, home: Path, kept: bool, asked: bool
) -> None:
    """Whichever process forgets: as in a kiosk whose visitor went in the middle of a question."""
    assert Vault().place, "there are keys"
    engine = opened(state_cache(Vault()))
    engine.prefill(ask(NOTES[0]))
    if kept:
        engine.settle()
    erasure.forget_caches(Vault())
    if asked:
        engine.choose(ask(NOTES[1]), OPTIONS)
    engine.settle()
    assert (caches.kept_bytes() > 0) is asked
    assert reads(opened(state_cache(Vault())), ask(NOTES[1]))[2] > 60 or not asked
    for other in (engine, opened(state_cache(Vault()))):
        assert reads(other, ask(NOTES[0]))[2] < 60, "the instruction at most"


def test_what_is_forgotten_while_it_is_kept_is_not_kept(opened: Opens, home: Path) -> None:
    """Another process forgets between the look whether anything was and the writing."""
    assert Vault().place, "there are keys"
    engine = opened(state_cache(Vault()))
    engine.prefill(ask(NOTES[0]))
    save = engine._context.save
    engine._context.save = lambda: caches.forget_all(Vault()) or save()  # type: ignore[method-assign]
    engine.settle()
    assert caches.kept_bytes() == 0


def test_who_forgets_reads_all_again(opened: Opens, fresh: Fresh) -> None:
    cache = Kept()
    engine = opened(cache)
    for note in NOTES[:2]:
        engine.choose(ask(note), OPTIONS)
    engine.forget()
    engine.settle()
    assert not cache.kept
    for note in NOTES[:2]:
        logits, _, known = reads(engine, ask(note))
        assert np.array_equal(logits, fresh(ask(note)))
        assert known < 60, "the instruction that was just read at most"


WHOLE = f"Evidence:\n{NOTES[0]}"


def about(chosen: str, *, lasting: bool = True) -> list[Message]:
    """A prompt whose beginning is the same whatever is asked, before what was chosen for a question."""
    told = f"{WHOLE}\n{chosen}\n\nQuestion:"
    return [Message(Role.SYSTEM, SYSTEM), Message(Role.USER, f"{told} who?", len(told), lasting, len(WHOLE))]


@pytest.mark.parametrize("lasting", [True, False])
def test_the_constant_beginning_is_read_once_and_kept_where_it_may_be(
    opened: Opens, fresh: Fresh, lasting: bool
) -> None:
    def known(where: LlamaEngine, messages: list[Message]) -> int:
        before = where.usage.reused_tokens
        assert np.array_equal(reads(where, messages)[0], fresh(messages))
        return where.usage.reused_tokens - before

    first, second = (about(note, lasting=lasting) for note in NOTES[1:])
    cache = Kept()
    engine = opened(cache)
    prompt = engine._prompt(first)
    instruction, constant, source = prompt.stable
    assert source - constant > constant - instruction > 30
    assert prompt.kept == ((instruction, constant) if lasting else (instruction,))
    assert known(engine, first) == 0
    if lasting:
        assert known(engine, second) == constant
        assert known(engine, first) >= source, "what was chosen before is known, too"
    engine.settle()
    assert len(cache.kept) == len(prompt.kept)
    assert known(opened(cache), second) == prompt.kept[-1]


@pytest.mark.parametrize("family", TEMPLATES)
def test_the_beginnings_of_a_prompt_that_others_share(models: Callable[[str], InstalledModel], family: str) -> None:
    """The instruction, then the source; a family without a system turn has both in one text."""
    tokenizer = module.Tokenizer(llama.load(models("language").files["model"], Runtime(1).halt)[0])
    asked = [tokenizer.prompt(render(ask(NOTES[0], question), family)) for question in ("who?", "7", "\nno")]
    assert len({prompt.tokens[: prompt.source] for prompt in asked}) == 1
    assert asked[0].stable[-1] == asked[0].source > 50
    assert len(asked[0].stable) == (2 if TEMPLATES[family].system else 1)
    assert all(len(prompt.tokens) - prompt.source < 60 for prompt in asked)
    constant = [tokenizer.prompt(render(about(note), family)) for note in NOTES[1:]]
    assert len({prompt.tokens[: prompt.lasting] for prompt in constant}) == 1
    told = b"".join(map(tokenizer.piece, constant[0].tokens[: constant[0].lasting])).decode()
    assert told.rstrip().endswith(WHOLE.rstrip())
    assert constant[0].lasting < constant[0].source


@pytest.mark.parametrize("family", TEMPLATES)
@pytest.mark.parametrize("lasting", [True, False])
def test_nothing_that_was_said_is_kept_for_a_later_process(opened: Opens, family: str, lasting: bool) -> None:
    """A family without a system turn has the instruction and what was said in one, and nothing of it is ours alone."""
    said = [*ask("I was told that X has diabetes. " * 4, lasting=lasting), Message(Role.USER, "And why?")]
    cache = Kept()
    engine = opened(cache)
    prompt = engine._tokenizer.prompt(render(said, family))
    own = engine._tokenizer.prompt(render([Message(Role.SYSTEM, SYSTEM), Message(Role.USER, "")], family))
    instruction = shared(prompt.tokens, own.tokens)
    assert [end for end in prompt.kept if end > instruction] == ([prompt.source] if lasting else [])
    assert len(prompt.kept) == TEMPLATES[family].system + lasting
    engine._reading.read(prompt)
    engine.settle()
    assert len(cache.kept) == len(prompt.kept)


def state(tokens: tuple[int, ...], size: int = 1000, source: int = 0) -> PrefixState:
    return PrefixState(TokenizedPrompt(tokens, source=source), (len(tokens),), np.zeros(size, np.uint8))


def test_those_used_least_are_dropped() -> None:
    states = States(max_bytes=4_000)
    for first in range(3):
        states.put(state((first, 1, 2)))
    assert states.use((0, 1, 2))
    states.put(state((3, 1, 2)))
    assert [kept.prompt.tokens[0] for kept in states] == [2, 0, 3]
    assert states.bytes == sum(kept.size for kept in states) <= 4_000
    states.put(state((9, 9), size=5_000))
    assert len(list(states)) == 3, "what is larger than all room pushes nothing out"
    states = States()
    states.put(state((1, 2, 3, 4), source=3))
    states.put(state((1, 2, 3, 5, 6), source=3))
    assert [kept.prompt.tokens for kept in states] == [(1, 2, 3, 5, 6)], "a source is kept once"


def test_what_was_cut_elsewhere_is_not_used() -> None:
    prompt = TokenizedPrompt((1,) * 30, (10, 20))
    assert usable(prompt.tokens, (10, 20, 30), prompt) == 30
    assert usable(prompt.tokens[:25], (10, 20, 25), prompt) == 20
    assert usable(prompt.tokens, (10, 15, 20, 30), prompt) == 10
    assert usable((1,) * 9 + (2,) * 30, (10, 20, 39), prompt) == 0
