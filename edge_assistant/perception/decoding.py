"""Whisper's special tokens, which of them may come next, and how likely: its timestamp rules, told where sound ends."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.core.errors import ModelCorrupt
from edge_assistant_models import loading

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

POSITION_SECONDS = 0.02  # between two positions of the encoder, and between two timestamp tokens
_CLOSING_SECONDS = 0.4  # a timestamp so near to the end of the speech is its end
_AFTER_END = 0.2  # seconds that a timestamp may stand after the end of the speech
_FIRST_TIMESTAMP = 50  # the first may stand at 1 s at most (openai/whisper: max_initial_timestamp)
_LOOP_TOKENS = 12  # a phrase that comes three times over at least so many tokens is a loop
_MOST = 12  # tokens in one run; more cost more than they save where an early one fails
_TAIL = 2  # tokens that must stand in the draft for what follows them there to be guessed


@dataclass(frozen=True, slots=True)
class TokenVocabulary:
    """The special tokens of a Whisper model, and what must never be said."""

    tokenizer: Tokenizer
    start: int
    end: int
    previous: int
    transcribe: int
    no_timestamps: int
    no_speech: int
    first_timestamp: int
    languages: dict[str, int]  # empty for a model that knows English only
    suppressed: NDArray[np.int64]
    suppressed_first: NDArray[np.int64]

    @classmethod
    def load(cls, tokenizer_file: Path, config_file: Path) -> TokenVocabulary:
        """Read tokenizer.json and config.json.

        Raises:
            ModelCorrupt: a file is not what it should be.
        """
        from tokenizers import Tokenizer

        vocabulary, settings = loading.read(tokenizer_file), loading.read(config_file)
        try:
            tokenizer = Tokenizer.from_buffer(vocabulary)
            config = json.loads(settings)
            ids = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
            codes = {ids_name[2:-2]: number for ids_name, number in ids.items() if number in set(config["lang_ids"])}
            no_speech = ids.get("<|nospeech|>", ids.get("<|nocaptions|>"))
            multilingual = ids["<|endoftext|>"] == 50257
            return cls(
                tokenizer,
                start=ids["<|startoftranscript|>"],
                end=ids["<|endoftext|>"],
                previous=ids["<|startofprev|>"],
                transcribe=ids["<|transcribe|>"],
                no_timestamps=ids["<|notimestamps|>"],
                no_speech=int(no_speech if no_speech is not None else ids["<|notimestamps|>"] - 1),
                first_timestamp=ids["<|notimestamps|>"] + 1,
                languages=codes if multilingual else {},
                suppressed=np.array(config["suppress_ids"], np.int64),
                suppressed_first=np.array(config["suppress_ids_begin"], np.int64),
            )
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelCorrupt(f"{tokenizer_file.name} is not Whisper's ({error})", "pull the model again") from error


@dataclass(frozen=True, slots=True)
class TimestampRules:
    """Which token may come next (openai/whisper: decoding.py, ApplyTimestampRules), and where the sound ends."""

    words: TokenVocabulary
    speech_end: float

    def choose(
        self, logits: NDArray[np.float32], tokens: list[int], temperature: float, random: np.random.Generator
    ) -> tuple[int, float]:
        """The next token and its log probability among those that may come next.

        Args:
            logits: f32 [vocabulary]; what may not come next is put at minus infinity in them.
            tokens: what was said so far.
            temperature: 0 for the likeliest token.
            random: draws the token at a higher one (Gumbel's trick).
        """
        first = self.words.first_timestamp
        self._forbid(logits, tokens)
        peak = logits.max()
        shares = np.exp(logits - peak)
        stamps = float(shares[first:].sum())
        total = stamps + float(shares[:first].sum())
        if stamps > shares[:first].max():  # a time is likelier than any word
            logits[:first] = -np.inf
            total = stamps
        if temperature == 0:
            token = int(logits.argmax())
        else:
            token = int((logits / temperature + random.gumbel(size=len(logits))).argmax())
        return token, float(logits[token] - peak) - math.log(total)

    def _forbid(self, logits: NDArray[np.float32], tokens: list[int]) -> None:
        words = self.words
        first = words.first_timestamp
        logits[words.suppressed] = -np.inf
        logits[words.no_timestamps] = -np.inf
        logits[first + 1 + round((self.speech_end + _AFTER_END) / POSITION_SECONDS) :] = -np.inf
        if tokens:
            self._pairs(logits, tokens)
        else:
            logits[words.suppressed_first] = -np.inf
            logits[:first] = -np.inf
            logits[first + _FIRST_TIMESTAMP + 1 :] = -np.inf

    def _pairs(self, logits: NDArray[np.float32], tokens: list[int]) -> None:
        """Timestamps come in pairs, except the first and the last, and never go back."""
        first = self.words.first_timestamp
        last = tokens[-1] >= first
        before = len(tokens) < 2 or tokens[-2] >= first
        if last and before:
            logits[first:] = -np.inf
        elif last:
            logits[: self.words.end] = -np.inf
        stamps = [token for token in tokens if token >= first]
        if stamps:
            logits[first : stamps[-1] + (0 if last and not before else 1)] = -np.inf

    def closed(self, tokens: list[int]) -> bool:
        """Whether the last token says that the speech is over."""
        if len(tokens) < 2 or tokens[-2] >= self.words.first_timestamp:
            return False
        second = (tokens[-1] - self.words.first_timestamp) * POSITION_SECONDS
        return second >= self.speech_end - _CLOSING_SECONDS


def loops(tokens: list[int]) -> bool:
    """Whether the last phrase came three times in a row, over at least a dozen tokens."""
    for length in range(1, len(tokens) // 3 + 1):
        times = max(3, -(-_LOOP_TOKENS // length))
        tail = tokens[-length * times :]
        if len(tail) == length * times and tail == tail[:length] * times:
            return True
    return False


def compression(text: str) -> float:
    """How much shorter zlib makes a text; repetition makes it large."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of f32 [n]."""
    shares: NDArray[np.float32] = np.exp(logits - logits.max())
    shares /= shares.sum()
    return shares


def guess(tokens: Sequence[int], draft: Sequence[int], first_timestamp: int) -> list[int]:
    """Tokens that probably follow, so that the decoder checks several in one run instead of one in each.

    A run of the decoder reads all of its weights, whether for one token or for a dozen. A guess that fails is dropped,
    so the words are the same with and without it, as far as several rows are rounded like one (Leviathan et al. 2023,
    "Fast Inference from Transformers via Speculative Decoding").

    Args:
        tokens: what was said so far.
        draft: what another hypothesis says about the same sound; may be empty.
        first_timestamp: the least token that is a time.

    Returns:
        What follows in the draft where the same stands as the tokens end with, the nearest place first; behind the time
        at which a sentence ends the same time, at which the next begins; else nothing.
    """
    if not tokens:
        return list(draft[:_MOST])
    tail = list(tokens[-_TAIL:])
    ends = [end for end in range(len(tail), len(draft)) if list(draft[end - len(tail) : end]) == tail]
    if ends:
        end = min(ends, key=lambda place: abs(place - len(tokens)))
        return list(draft[end : end + _MOST])
    closes = len(tokens) > 1 and tokens[-1] >= first_timestamp > tokens[-2]
    return [tokens[-1]] if closes else []
