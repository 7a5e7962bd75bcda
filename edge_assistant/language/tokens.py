"""Text to tokens and back, and prompts as tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_assistant.language import llama
from edge_assistant.language.chat import Message, Role

BATCH = 256  # tokens of one llama_decode call: prefill at full speed, and an interruption waits for no more than one


@dataclass(frozen=True, slots=True)
class TokenizedPrompt:
    """A prompt as the model reads it.

    Attributes:
        tokens: all of it.
        stable: lengths of its beginnings that other prompts share, rising: the instruction, the instruction with a
            source.
        source: the longest of them, where it ends in a message that was marked as stable; else 0.
        lasting: length of the beginning up to where that message may be kept for other processes; 0 where it may not.
        instruction: length of the beginning that is the instruction alone; 0 where the family has none by itself.
    """

    tokens: tuple[int, ...]
    stable: tuple[int, ...] = ()
    source: int = 0
    lasting: int = 0
    instruction: int = 0

    @property
    def kept(self) -> tuple[int, ...]:
        """Lengths of its beginnings that may be kept for other processes, rising."""
        return tuple(end for end in (self.instruction, self.lasting) if end)

    @property
    def cuts(self) -> tuple[int, ...]:
        """Lengths at which reading it is cut into batches, rising, its own the last.

        A batch's size decides which of its kernels llama.cpp takes, whose results differ a little. Cut at the same
        places, a prompt gives the very same logits whatever of it was read for another one before.
        """
        cuts: list[int] = []
        for end in dict.fromkeys((*self.stable, len(self.tokens))):
            cuts += [*range(cuts[-1] if cuts else 0, end, BATCH)][1:]
            cuts.append(end)
        return tuple(cuts)

    def beginning(self, length: int) -> TokenizedPrompt:
        """Its first tokens, up to where a stable beginning ends."""
        stable = tuple(end for end in self.stable if end <= length)
        ends = (end if end <= length else 0 for end in (self.source, self.lasting, self.instruction))
        return TokenizedPrompt(self.tokens[:length], stable, *ends)


class Tokenizer:
    """The vocabulary of a model.

    Args:
        model: pointer of llama.cpp.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - a pointer
        self._llama: Any = llama.library()
        self._vocab = self._llama.llama_model_get_vocab(model)

    def tokens(self, text: str, *, control: bool = False) -> list[int]:
        """The tokens of a text; only where `control` is set may it hold control tokens."""
        data = text.encode("utf-8", "replace")
        count = -len(data) - 8  # a negative count is the room that is wanted, which is rarely more
        while count < 0:
            size = -count
            tokens = (self._llama.llama_token * size)()
            count = self._llama.llama_tokenize(self._vocab, data, len(data), tokens, size, False, control)
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """What a token adds to a text; nothing for a control token."""
        buffer = ctypes.create_string_buffer(256)
        length = self._llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[:length]

    def ends(self, token: int) -> bool:
        """Whether the model ends its turn with this token."""
        return bool(self._llama.llama_vocab_is_eog(self._vocab, token))

    def prompt(self, parts: Sequence[str | Message]) -> TokenizedPrompt:
        """The tokens of a prompt, each part by itself, and where its stable beginnings end."""
        tokens: list[int] = []
        stable: list[int] = []
        source, lasting, contents, instruction, instructed = 0, 0, 0, 0, False
        for part in parts:
            if isinstance(part, str):
                tokens += self.tokens(part, control=True)
                continue
            own = self.tokens(part.content)
            if contents == 1:  # behind the instruction, before what it is about
                stable.append(len(tokens))
                instruction = len(tokens) if instructed else 0
            instructed = part.role is Role.SYSTEM
            contents += 1
            if part.stable:
                constant, source = (
                    len(tokens) + shared(self.tokens(part.content[:end]), own)
                    for end in (part.constant or part.stable, part.stable)
                )
                lasting = constant if part.lasting else 0
                stable += dict.fromkeys((constant, source))
            tokens += own
        return TokenizedPrompt(tuple(tokens), tuple(stable), source, lasting, instruction)


def shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences have in common from their beginning on.

    >>> shared([1, 2, 3], [1, 2, 4, 5])
    2
    """
    a, b = tuple(a), tuple(b)
    low, high = 0, min(len(a), len(b))
    while low < high:  # slices are compared in C
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
