"""A question spoken into a microphone: from the end of speech to the first word of the answer, and what takes how long.

The microphone is a recording that is played in real time. It is heard as the app hears: a thread listens for the end of
what is said, another writes down and answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from edge_assistant.core.errors import DeviceEnded, UsageError
from edge_assistant.core.events import Event, Said
from edge_assistant.storage.settings import Settings
from evals.speed import recordings
from evals.speed.part import Setting
from evals.speed.rows import How, Limit, Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.session.conversation import Conversation
    from edge_assistant.session.dictation import Written

NAME = "live"
HELP = "a question spoken into a virtual microphone: end of speech to the first word, and its parts"
SECONDS = (60.0, 30.0)
ORDER = 8
SIGNALS = True
_MOST_S = 1.2
_SILENT = 0.02  # share of full scale; what is quieter than this is the room, and no speech
_STEPS = ("the pause that ends it", "writing down what was said", "finding the answer")


@dataclass(frozen=True, slots=True)
class Moments:
    """When it happened, in seconds of one clock: speech over, end noticed, written down, first word said."""

    over: float
    noticed: float
    written: float
    said: float

    @property
    def steps(self) -> tuple[float, float, float]:
        """What the whole is made of, in the order of `_STEPS`; what is written down before the end costs nothing."""
        written = max(self.noticed, self.written)
        return self.noticed - self.over, written - self.noticed, self.said - written


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.session.conversation import Conversation

    assistant = Assistant(setting.portfolio, setting.profile)
    assistant.prepare()
    taken: list[Moments] = []
    for number in range(setting.repeats + 1):
        conversation = Conversation(assistant, language="en")
        for kind, name in setting.signals:
            conversation.perceive(conversation.attach(Path(name), kind).id, lambda event: None)
        path = setting.folder / f"spoken-{number}.wav"
        recordings.say(setting.portfolio, setting.question, path, number)  # what was heard before would be known
        moments = ask_aloud(conversation, path)
        taken += [moments] if number else []  # the first one opens what is opened when first needed
        setting.step((number + 1) / (setting.repeats + 1))
    yield row(taken)


def row(taken: Sequence[Moments]) -> Row:
    """What was taken, with the median of each step."""
    steps = {name: median(one.steps[place] for one in taken) for place, name in enumerate(_STEPS)}
    return Row(
        "live.first_word",
        "end of speech to the first word",
        "s",
        tuple(one.said - one.over for one in taken),
        how=How.VALUE,
        limit=Limit(_MOST_S),
        details={"waterfall": steps},
    )


def ask_aloud(conversation: Conversation, path: Path) -> Moments:
    """Speak a recording into a microphone and let what is understood be answered.

    Raises:
        UsageError: nothing was understood.
        ModelError: a model is missing.
    """
    from edge_assistant.devices.microphone import FileMicrophone

    microphone = FileMicrophone(path)
    with ThreadPoolExecutor(1, "work") as work, closing(microphone):
        heard = _Hearing(conversation, work)
        microphone.open()
        began = time.monotonic()
        with suppress(DeviceEnded):
            while not heard.ended:
                heard.take(microphone.read())
    for job in heard.jobs:
        job.result()
    if heard.answered is None:
        raise UsageError("the spoken question was not understood", "ask another one with --question")
    written, said = heard.answered
    return Moments(began + speech_end(path), heard.noticed, written, said)


class _Hearing:
    """Hears as the app does: one thread listens, the one that works writes down what is said and answers it.

    Attributes:
        ended: whether the speaker has finished.
        noticed: when that was noticed.
        answered: when it was written down, and when the first word was said; None where there were no words.
        jobs: what was done in the thread that works; what went wrong there is raised by their results.
    """

    def __init__(self, conversation: Conversation, work: ThreadPoolExecutor) -> None:
        from edge_assistant.session.dictation import Dictation

        assistant = conversation.assistant
        self.ended, self.noticed = False, 0.0
        self.jobs: list[Future[object]] = []
        self.answered: tuple[float, float] | None = None
        self._conversation = conversation
        self._endpointer = assistant.models.endpointer(Settings().pause_s)
        self._dictation = Dictation(
            lambda: assistant,
            lambda job: self.jobs.append(work.submit(job)),
            self._answer,
            language=lambda: "en",
            ahead=conversation.prefill,
        )

    def take(self, block: NDArray[np.float32]) -> None:
        """The next samples of the microphone."""
        from edge_assistant.perception import live

        for heard in self._endpointer.feed(block):
            match heard:
                case live.Started():
                    self._dictation.begin()
                case live.Pending(samples):
                    self._dictation.hear(samples, final=False)
                case live.Paused(samples):
                    self._dictation.expect(samples)
                case live.Resumed():
                    self._dictation.expect(None)
                case live.Ended(samples):
                    self.ended, self.noticed = True, time.monotonic()
                    self._dictation.hear(samples, final=True)
                    return

    def _answer(self, written: Written) -> None:
        if not written.final or not written.text:
            return
        at, first = time.monotonic(), list[float]()

        def watch(event: Event) -> None:
            if isinstance(event, Said) and not first:
                first.append(time.monotonic())

        self._conversation.ask(written.text, watch)
        self.answered = (at, first[0]) if first else None


def speech_end(path: Path) -> float:
    """The second of a recording behind which there is only the room."""
    import wave

    import numpy as np

    with wave.open(str(path)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768
        loud = np.flatnonzero(np.abs(samples) > _SILENT)
        return float(loud[-1] + 1) / sound.getframerate() if len(loud) else 0.0
