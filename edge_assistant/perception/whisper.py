"""Whisper in ONNX Runtime: the encoder on the real length of the sound, and a decoder that is told where it ends.

Whisper was trained on windows of 30 s, and nearly all of the time for a short utterance goes into encoding silence.
Here the encoder hears the utterance and a little silence, or a short window that is left blank behind a brief one. Left
alone, the decoder would then say a sentence again and again, so the timestamp rules end where the sound ends; where it
loops or is unsure all the same, the window of 30 s is heard after all, and then other words are tried at higher
temperatures (Radford et al. 2022, section 4.5). Words that are a little unsure are decoded once more behind a text that
shows how values are written (styles.toml), and the likelier of the two is believed: of a brief utterance in the window
of 30 s, for it is there that a few seconds are understood best. docs/speed.md has the figures.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.signals import SAMPLE_RATE
from edge_assistant.perception.decoding import (
    POSITION_SECONDS,
    TimestampRules,
    TokenVocabulary,
    compression,
    guess,
    loops,
    softmax,
)
from edge_assistant_models.model import InstalledModel

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

WINDOW_SECONDS = 30  # what Whisper was trained on
MAX_TOKENS = limits.SPEECH_TOKENS.value
PADDING_SECONDS = 2.0  # of silence after the sound
_BRIEF_SECONDS = 7.0  # a shorter sound is heard in a window of its own, and in that of 30 s where words are unsure
_BRIEF_WINDOW = 10  # seconds, blank behind the sound
_TOKENS_PER_SECOND = 12  # nobody speaks faster; with 16 more it is the limit for short sounds
_MIN_CONFIDENCE = -1.0  # average log probability (openai/whisper: logprob_threshold)
_MIN_SHORT_CONFIDENCE = -0.7  # the same before the full window is tried
_MIN_BRIEF_CONFIDENCE = -0.4  # and for a brief sound (tuned on 240 utterances, held against 480 others)
_MAX_COMPRESSION = 2.4  # more is a loop (openai/whisper: compression_ratio_threshold)
_NO_SPEECH = 0.6  # probability above which unsure words are none (openai/whisper: no_speech_threshold)
_TEMPERATURES = (0.4, 0.8)
_UNSURE = -0.3  # average log probability below which the language's style is tried (tuned on 51 synthetic recordings)
_LIKELIER = 0.05  # by so much it must be the likelier
_ECHO_TOKENS = 5  # of the style in a row are no speech, but the style
_TWICE_WORDS = 5  # that come once more at the end were said once
HOP = 160  # samples a frame: 10 ms
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
_MEL_WINDOW = 400  # samples: 25 ms
_LINEAR = 200 / 3  # Hz a mel below 1000 Hz, logarithmic above (Slaney 1998, Auditory Toolbox)
_LOG_STEP = np.log(6.4) / 27


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What was understood of one window.

    Attributes:
        tokens: text and timestamps, without the closing token.
        log_probabilities: of each token.
        attention: f32 [n, heads, positions]; row i looks where token i was heard. One more than tokens looks where
            they end, but where the last token is a timestamp.
        no_speech: probability that nothing was said.
        looped: whether it said the same again and again, or never came to an end.
    """

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    attention: NDArray[np.float32]
    no_speech: float
    looped: bool
    compression: float = 0.0

    @property
    def confidence(self) -> float:
        """Average log probability of a token."""
        return float(np.mean(self.log_probabilities)) if self.log_probabilities else -np.inf

    @property
    def silent(self) -> bool:
        """Whether these are the words that Whisper invents where nothing is said."""
        return self.no_speech > _NO_SPEECH and self.confidence < _MIN_CONFIDENCE

    @property
    def repetitive(self) -> bool:
        """Whether it says the same again and again."""
        return self.looped or self.compression > _MAX_COMPRESSION

    def good(self, threshold: float) -> bool:
        """Whether it can be believed without another try."""
        return not self.repetitive and self.confidence >= threshold


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run of the decoder gives.

    Attributes:
        logits: f32 [n, vocabulary], of what follows each token that was fed.
        alignment: f32 [heads, n, positions].
        memory: keys and values f32 [heads, all tokens so far, size] by their names.
    """

    logits: NDArray[np.float32]
    alignment: NDArray[np.float32]
    memory: dict[str, onnxruntime.OrtValue]


class Whisper:
    """A Whisper model as the importer `whisper` writes it: files `encoder`, `decoder`, `tokenizer`, `config`."""

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        self._file, self._runtime = model.files["encoder"], runtime
        self._encoder = runtime.session(self._file)
        self._shared: onnxruntime.InferenceSession | None = None  # the encoder on a share of the cores, within `beside`
        # one row at a time is too little work to be shared: threads would wait for each other at each of 37 products
        self._decoder = runtime.session(model.files["decoder"], threads=1)
        self.vocabulary = TokenVocabulary.load(model.files["tokenizer"], model.files["config"])
        self._crossed = [output.name for output in self._encoder.get_outputs()]
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        self._heads, _, self._size = next(
            value.shape for value in self._decoder.get_inputs() if value.name == "past_key_0"
        )
        self._mels: int = self._encoder.get_inputs()[0].shape[1]

    def transcribe(
        self, samples: NDArray[np.float32], speech_end: float, language: str | None, draft: tuple[int, ...] = ()
    ) -> tuple[Hypothesis, str]:
        """Understand up to 30 s of sound; may be called from several threads at once.

        Args:
            samples: f32, mono, 16 kHz.
            speech_end: second in them at which nobody speaks any more.
            language: ISO 639-1 code, or None to detect it.
            draft: tokens that it probably is, as those of an earlier hearing of its beginning; they only save time.

        Returns:
            The best hypothesis, and the language's code.
        """
        encode = partial(self._encode, self._shared or self._encoder)
        seconds = len(samples) / SAMPLE_RATE
        brief = seconds < _BRIEF_SECONDS
        short = _BRIEF_WINDOW if brief else min(WINDOW_SECONDS, seconds + PADDING_SECONDS)
        heard = encode(samples, short, brief)
        language = self._language(heard, language)
        tries = [self._decode(heard, language, speech_end, 0.0, (), draft)]
        if not brief:
            tries[0] = self._likelier(tries[0], heard, language, speech_end)
        if tries[0].good(_MIN_BRIEF_CONFIDENCE if brief else _MIN_SHORT_CONFIDENCE) or tries[0].silent:
            return tries[0], language
        if short < WINDOW_SECONDS:
            heard = encode(samples, WINDOW_SECONDS, brief)
            tries.append(self._decode(heard, language, speech_end, 0.0, (), tries[0].tokens))
        if brief:
            tries[-1] = self._likelier(tries[-1], heard, language, speech_end)
        for temperature in _TEMPERATURES:
            if any(one.good(_MIN_CONFIDENCE) for one in tries) or tries[-1].silent:
                break
            tries.append(self._decode(heard, language, speech_end, temperature))
        return max(
            tries, key=lambda one: (not one.looped and one.compression <= _MAX_COMPRESSION, one.confidence)
        ), language

    def ended(self, hypothesis: Hypothesis) -> float:
        """The second that a hypothesis says it ends at, 0 where it says none: at times the model stops in the middle.

        What comes then has to be heard by itself (openai/whisper: transcribe.py, which seeks to that timestamp).
        """
        first = self.vocabulary.first_timestamp
        return max(0.0, (hypothesis.tokens[-1] - first) * POSITION_SECONDS) if hypothesis.tokens else 0.0

    def _likelier(self, plain: Hypothesis, heard: dict[str, Any], language: str, speech_end: float) -> Hypothesis:
        """Of an unsure hypothesis and one in the language's style the likelier."""
        style = self._style(language)
        if not style or plain.confidence >= _UNSURE or plain.silent:
            return plain
        styled = self._decode(heard, language, speech_end, 0.0, style, plain.tokens)
        text = self.vocabulary.tokenizer.decode([one for one in styled.tokens if one < self.vocabulary.end])
        misled = styled.repetitive or _echoes(styled.tokens, style) or _says_twice(text)
        return plain if misled or styled.confidence <= plain.confidence + _LIKELIER else styled

    def _style(self, language: str) -> tuple[int, ...]:
        """The tokens of an earlier text that shows how values are written (openai/whisper: initial_prompt)."""
        text = _styles().get(language)
        return tuple(self.vocabulary.tokenizer.encode(f" {text}", add_special_tokens=False).ids) if text else ()

    @contextmanager
    def beside(self, lanes: int) -> Iterator[None]:
        """While this runs, so many threads may transcribe at once; what that took is given back afterwards.

        Args:
            lanes: threads; each has its share of the cores, and takes some 230 MiB for 28 s of sound.

        Raises:
            ModelCorrupt: the encoder cannot be opened once more.
        """
        self._nothing  # noqa: B018 - made when first asked for, once and not in each thread
        self._shared = self._runtime.session(self._file, lanes=lanes)
        try:
            yield
        finally:
            self._shared = None

    def _encode(
        self, encoder: onnxruntime.InferenceSession, samples: NDArray[np.float32], seconds: float, blank: bool
    ) -> dict[str, onnxruntime.OrtValue]:
        import onnxruntime

        frames = min(WINDOW_SECONDS * FRAMES_PER_SECOND, int(seconds * FRAMES_PER_SECOND) // 2 * 2 + 2)
        mel = onnxruntime.OrtValue.ortvalue_from_numpy(log_mel(samples, frames, self._mels, blank=blank)[None])
        return dict(zip(self._crossed, encoder.run_with_ort_values(self._crossed, {"mel": mel}), strict=True))

    def knows(self, language: str) -> bool:
        """Whether the model understands a language, by its ISO 639-1 code."""
        return language in (self.vocabulary.languages or {"en"})

    def _language(self, heard: dict[str, Any], wanted: str | None) -> str:
        codes = self.vocabulary.languages
        if not codes:
            return "en"
        if wanted in codes:
            return wanted
        logits = self._run([self.vocabulary.start], self._nothing, heard).logits[-1]
        return max(codes, key=lambda code: float(logits[codes[code]]))

    @cached_property
    def _nothing(self) -> dict[str, onnxruntime.OrtValue]:
        """The decoder's memory before the first token."""
        import onnxruntime

        empty = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((self._heads, 0, self._size), np.float32))
        names = [value.name for value in self._decoder.get_inputs()]
        return {name: empty for name in names if name.startswith("past_")}

    def _run(self, tokens: list[int], past: dict[str, Any], heard: dict[str, Any]) -> _Run:
        import onnxruntime

        fed = onnxruntime.OrtValue.ortvalue_from_numpy(np.array(tokens, np.int64))
        results = self._decoder.run_with_ort_values(self._outputs, {"tokens": fed, **past, **heard})
        named = dict(zip(self._outputs, results, strict=True))
        return _Run(named.pop("logits").numpy(), named.pop("alignment").numpy(), named)

    def _kept(self, run: _Run, failed: int) -> dict[str, onnxruntime.OrtValue]:
        """The decoder's memory after a run, without its last tokens that failed."""
        import onnxruntime

        past = {name: run.memory[name.removeprefix("past_")] for name in self._nothing}
        if not failed:
            return past
        made = onnxruntime.OrtValue.ortvalue_from_numpy
        return {name: made(np.ascontiguousarray(value.numpy()[:, :-failed])) for name, value in past.items()}

    def _decode(
        self,
        heard: dict[str, Any],
        language: str,
        speech_end: float,
        temperature: float,
        style: tuple[int, ...] = (),
        draft: tuple[int, ...] = (),
    ) -> Hypothesis:
        """The hypothesis at a temperature, behind a style; a draft of its tokens saves time (see `guess`)."""
        words = self.vocabulary
        prompt = [words.previous, *style, words.start] if style else [words.start]
        if words.languages:
            prompt += [words.languages[language], words.transcribe]
        rules = TimestampRules(words, speech_end)
        random = np.random.default_rng(len(prompt) - len(style))
        limit = min(MAX_TOKENS, 16 + round(speech_end * _TOKENS_PER_SECOND))
        tokens: list[int] = []
        probabilities: list[float] = []
        rows: list[NDArray[np.float32]] = []
        guessed = guess(tokens, draft, words.first_timestamp)
        run = self._run([*prompt, *guessed], self._nothing, heard)
        no_speech = softmax(run.logits[prompt.index(words.start)])[words.no_speech]
        looped, at = False, len(prompt) - 1
        while True:
            rows.append(run.alignment[:, at])
            token, probability = rules.choose(run.logits[at], tokens, temperature, random)
            if token == words.end:
                break
            tokens.append(token)
            probabilities.append(probability)
            looped = loops([one for one in tokens if one < words.end]) or len(tokens) >= limit
            if looped or rules.closed(tokens):
                break
            if guessed and guessed[0] == token:
                guessed, at = guessed[1:], at + 1
                continue
            past = self._kept(run, len(guessed))
            guessed, at = guess(tokens, draft, words.first_timestamp), 0
            run = self._run([token, *guessed], past, heard)
        text = words.tokenizer.decode([one for one in tokens if one < words.end])
        return Hypothesis(
            tuple(tokens), tuple(probabilities), np.stack(rows), float(no_speech), looped, compression(text)
        )


def _echoes(tokens: tuple[int, ...], style: tuple[int, ...]) -> bool:
    """Whether several tokens of the style are said one after another."""
    runs = {style[i : i + _ECHO_TOKENS] for i in range(len(style) - _ECHO_TOKENS + 1)}
    return any(tokens[i : i + _ECHO_TOKENS] in runs for i in range(len(tokens)))


def _says_twice(text: str) -> bool:
    """Whether a text ends with several words that were just said, as where the model misses the end of the sound."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return any(words[-n:] == words[-2 * n : -n] for n in range(_TWICE_WORDS, len(words) // 2 + 1))


@cache
def _styles() -> dict[str, str]:
    """The texts of styles.toml by language."""
    texts: dict[str, str] = tomllib.loads((files(__package__) / "styles.toml").read_text("utf-8"))
    return texts


def log_mel(samples: NDArray[np.float32], frames: int, bins: int = 80, *, blank: bool = False) -> NDArray[np.float32]:
    """The log-mel spectrogram of a recording that silence follows, exactly as in training (openai/whisper: audio.py).

    Args:
        samples: mono, 16 kHz, -1..1.
        frames: how many frames of 10 ms; what the samples do not fill is silence, what exceeds them is left out.
        bins: mel bands.
        blank: what the samples do not fill is 0 instead, which is no silence but the middle of the scale
            (openai/whisper: transcribe.py, `pad_or_trim` of the spectrogram).

    Returns:
        f32 [bins, frames], scaled so that the loudest 80 dB lie within 2 of each other.
    """
    filled = len(samples) // HOP
    if blank and filled < frames:
        spectrum = log_mel(samples, filled + _MEL_WINDOW // HOP, bins)[:, :filled]  # behind them silence is looked at
        return np.pad(spectrum, ((0, 0), (0, frames - filled)))
    length = frames * HOP
    padded = np.pad(samples[:length], (0, max(0, length - len(samples))))
    padded = np.pad(padded, _MEL_WINDOW // 2, mode="reflect")
    views = np.lib.stride_tricks.sliding_window_view(padded, _MEL_WINDOW)[:length:HOP]
    power = np.abs(np.fft.rfft(views * _hann(), axis=1)) ** 2
    decibels = np.log10(np.maximum(_filters(bins) @ power.T.astype(np.float32), 1e-10))
    scaled: NDArray[np.float32] = (np.maximum(decibels, decibels.max() - 8.0) + 4.0) / 4.0
    return scaled.astype(np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    """The periodic Hann window."""
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_MEL_WINDOW) / _MEL_WINDOW)
    return window.astype(np.float32)


@cache
def _filters(bins: int) -> NDArray[np.float32]:
    """Triangles that are equally wide on Slaney's mel scale and of equal area, f32 [bins, frequencies].

    As librosa.filters.mel(sr=16000, n_fft=400, htk=False, norm="slaney"), which made Whisper's mel_filters.npz.
    """
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _MEL_WINDOW // 2 + 1)
    edges = _mel_to_hertz(np.linspace(0, _hertz_to_mel(SAMPLE_RATE / 2), bins + 2))
    slopes = edges[:, None] - frequencies[None, :]
    widths = np.diff(edges)[:, None]
    rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
    area = 2.0 / (edges[2:] - edges[:-2])[:, None]
    return (np.maximum(0, np.minimum(rising, falling)) * area).astype(np.float32)


def _hertz_to_mel(hertz: float) -> float:
    """Mel of a frequency above 1000 Hz."""
    return float(1000 / _LINEAR + np.log(hertz / 1000) / _LOG_STEP)


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = 1000 / _LINEAR
    return np.where(mel < knee, mel * _LINEAR, 1000 * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee)))
