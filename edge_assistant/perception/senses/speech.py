"""What is said in a recording: each sentence with its seconds, words and confidence."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, ClassVar, TypeVar

from edge_assistant.core.evidence import Evidence, Locator
from edge_assistant.core.evidence import Speech as Spoken
from edge_assistant.core.recent import Recent
from edge_assistant.core.signals import SAMPLE_RATE, Kind, Signal
from edge_assistant.perception.sense import Percept, Request, Sense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.perception.audio import Sound
    from edge_assistant.perception.vad import SileroVad, SpeechChunk
    from edge_assistant.perception.whisper import Whisper

_MIN_HEARD = 1.0  # seconds that were understood, so that what comes after gets shorter each time
_LANES = 4  # chunks that are understood at once: with more of them many cores would take many times the memory
_RECENT = 8  # chunks: what is said at once has three of 28 s at most, and its last one changes as it goes on
T = TypeVar("T")
R = TypeVar("R")


class SpeechSense(Sense):
    """Silero VAD finds where somebody speaks, Whisper what is said; silence, noise and music yield no evidence.

    The signal may be a recording or a video: the first audio stream is heard.
    """

    name: ClassVar[str] = "speech"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.AUDIO})
    roles: ClassVar[tuple[str, ...]] = ("speech", "vad")
    seconds: ClassVar[float] = 1.0

    @cached_property
    def _vad(self) -> SileroVad:
        from edge_assistant.perception.vad import SileroVad

        return SileroVad(self.runtime.session(next(iter(self.models["vad"].files.values())), threads=1))

    @cached_property
    def _whisper(self) -> Whisper:
        from edge_assistant.perception.whisper import Whisper

        return Whisper(self.models["speech"], self.runtime)

    @cached_property
    def _dictated(self) -> Recent[list[Evidence]]:
        return Recent(_RECENT)

    @cached_property
    def _drafts(self) -> Recent[tuple[int, ...]]:
        """Whisper's tokens of what was being dictated, by the sample at which it begins."""
        return Recent(_RECENT)

    def prepare(self) -> None:
        """Load the models now, so that the first recording need not wait for them; raises ModelError."""
        self._vad, self._whisper  # noqa: B018 - made when first asked for

    def forget(self, since: float) -> None:
        """Let go of what was understood and not asked for since a `time.monotonic`, and keep the models."""
        self._dictated.forget(since)
        self._drafts.forget(since)

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Hear a recording of any length; one that breaks off yields what was heard and a note.

        Raises:
            InputUnsupported: it is no recording, or a video without sound.
            InputCorrupt, InputEmpty: nothing in it can be played.
            ModelError: a model cannot be loaded.
        """
        from edge_assistant.perception.decoders.client import ahead, listen
        from edge_assistant.perception.vad import chunks

        ahead(signal)
        self._vad  # noqa: B018 - loaded while the process that decodes starts
        evidence: list[Evidence] = []
        with listen(signal) as (sound, blocks):
            found = chunks(_watched(blocks, sound, request), self._vad)
            for understood in self._each(signal, found, request.language):
                request.found(understood)
                evidence += understood
        request.progress(1.0)
        return Percept(tuple(evidence), notes=(*sound.notes, *self._language_note(request.language, evidence)))

    def _language_note(self, wanted: str | None, evidence: list[Evidence]) -> tuple[str, ...]:
        """What is said where the wanted language is none that the model knows; it has been detected then."""
        if wanted is None or not evidence or self._whisper.knows(wanted):
            return ()
        if not self._whisper.vocabulary.languages:
            return (f"the speech model knows English only, not '{wanted[:20]}'",)
        return (f"the speech model does not know the language '{wanted[:20]}'; it was detected",)

    def _each(self, signal: Signal, chunks: Iterator[SpeechChunk], language: str | None) -> Iterator[list[Evidence]]:
        """What is said in each chunk: a single one on all cores, several side by side with some cores for each.

        Side by side no core waits for another within a computation, which there are thousands of, and what Python does
        between them goes on while another core computes.
        """
        first = list(islice(chunks, 2))
        if len(first) < 2 or self.runtime.threads < 2:
            yield from (self._heard(signal, chunk, language) for chunk in chain(first, chunks))
            return
        heard = partial(self._heard, signal, language=language)
        lanes = min(_LANES, self.runtime.threads)
        with self._whisper.beside(lanes):
            yield from in_order(heard, chain(first, chunks), lanes, self.runtime.halt.ask)

    def _heard(self, signal: Signal, chunk: SpeechChunk, language: str | None) -> list[Evidence]:
        """What is said in a chunk; of what is being dictated only the last one is heard anew as it goes on.

        The words of the time before are the draft of it then, so that those that stay are checked, and not found anew.
        """
        if not signal.said:
            return self._understand(signal, chunk, language)
        key = chunk.start, chunk.regions, language, hashlib.sha256(chunk.samples.tobytes()).digest()
        known = self._dictated.get(key)
        if known is None:
            known = self._understand(signal, chunk, language)
            self._dictated.keep(key, known)
        return [replace(item, signal=signal.id) for item in known]

    def _understand(self, signal: Signal, chunk: SpeechChunk, language: str | None) -> list[Evidence]:
        from edge_assistant.perception.vad import rest
        from edge_assistant.perception.words import sentences

        regions = [(a / SAMPLE_RATE, b / SAMPLE_RATE) for a, b in chunk.regions]
        draft = (signal.said and self._drafts.get(chunk.start)) or ()
        hypothesis, language = self._whisper.transcribe(chunk.samples, regions[-1][1], language, draft)
        if signal.said:
            self._drafts.keep(chunk.start, hypothesis.tokens)
        if hypothesis.silent:
            return []
        offset = chunk.start / SAMPLE_RATE
        evidence = []
        for sentence in sentences(hypothesis, self._whisper.vocabulary, language, regions):
            words = tuple(
                replace(word, start=round(word.start + offset, 3), end=round(word.end + offset, 3))
                for word in sentence.words
            )
            where = Locator(seconds=(words[0].start, words[-1].end))
            said = Spoken(words, language)
            evidence.append(Evidence("", signal.id, sentence.text, sentence.probability, where, said))
        ended = self._whisper.ended(hypothesis)
        unheard = rest(chunk, ended) if ended >= _MIN_HEARD else None
        if unheard is None:
            return evidence
        return evidence + self._understand(signal, unheard, language)


def in_order(work: Callable[[T], R], items: Iterator[T], workers: int, stop: Callable[[], None]) -> Iterator[R]:
    """The results of work on items, in the order of the items, from several threads at once.

    No more items are drawn than are worked on and one that waits for each thread. An error comes where its result
    would; what was begun then, or when nobody wants the results any more, is waited for, and nothing else is begun.

    Args:
        work: on one item.
        items: what to work on.
        workers: threads.
        stop: lets what was begun end soon. It is called at Ctrl-C, which is raised here and not where the work is.
    """
    with ThreadPoolExecutor(workers, "speech") as pool:
        begun: deque[Future[R]] = deque()
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) >= 2 * workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        except KeyboardInterrupt:
            stop()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _watched(blocks: Iterator[NDArray[np.float32]], sound: Sound, request: Request) -> Iterator[NDArray[np.float32]]:
    """Tell the progress with each second heard."""
    told = 0.0
    for block in blocks:
        yield block
        if sound.seconds and sound.heard - told >= 1.0:
            told = sound.heard
            request.progress(min(1.0, told / sound.seconds))
