"""Recordings whose words are known, spoken by a seed: by the product's own voice, and a part in those of espeak-ng."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.errors import UsageError, VoiceUnavailable
from edge_assistant.core.signals import SAMPLE_RATE
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import LabelledRecording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SEED = 7
VOICE = "piper-en-us-joe-medium"
_ROBOTS = ("en-us", "en-gb", "en-gb-x-rp")  # of espeak-ng; every fourth sentence is theirs
_TURN = 4
_EDGE_S = 0.3  # of silence before and after
_NOISE_DB = 30  # below the speech: a quiet room
_TIMEOUT_S = 30.0

PATTERNS = (
    "The meeting with {name} is at {hour} on {day}.", "Please call {name} back before {hour} about the {thing}.",
    "I bought {count} {thing}s for {price} at the {shop}.", "She takes {dose} of {drug} every morning and every night.",
    "I have been allergic to {drug} since I was {count} years old.",
    "The pump in hall {count} makes a noise like a {thing}.",
    "The temperature in the {room} rose to {degrees} degrees during the night.",
    "Only {count} of the {degrees} boxes arrived on {day}.", "Turn the {colour} handle to the left until it clicks.",
    "I left my {colour} {thing} in the {room} yesterday.", "The bearing on line {count} runs hot, please stop it.",
    "{name} says the delivery will be here by {day}.", "It rained all day, so the children stayed in the {room}.",
    "The second shift starts at {hour} and nobody is late.",
    "Remember to bring the {thing}, the keys and your passport.", "The doctor told me to drink more water and to walk.",
    "The train to the airport leaves in {degrees} minutes.",
    "Nobody has seen the {colour} {thing} since {day} evening.",
)  # fmt: skip
WORDS = {
    "name": "Anna|Peter|Maria|Thomas|Laura|David|Helen|Robert|Susan|Michael",
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "hour": "two o'clock|three o'clock|seven o'clock|half past eight|half past nine|ten o'clock",
    "thing": "lamp|printer|ladder|umbrella|suitcase|bicycle|window|keyboard|blanket|hammer",
    "price": "twenty dollars|thirty five dollars|nine dollars|twelve dollars|forty dollars",
    "shop": "bakery|pharmacy|hardware store|supermarket|garage|book shop",
    "room": "kitchen|basement|warehouse|office|living room|laboratory",
    "colour": "red|green|blue|yellow|black|white|brown",
    "drug": "aspirin|ibuprofen|metformin|paracetamol|insulin|penicillin",
    "dose": "five milligrams|twenty milligrams|fifty milligrams|eighty milligrams",
    "count": "two|three|four|five|six|seven|eight|nine|eleven|twelve",
    "degrees": "fifteen|eighteen|twenty two|twenty five|thirty one|forty two",
}


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A sentence as sound: f32, mono, 16 kHz."""

    text: str
    samples: Samples

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLE_RATE


def sentences(seed: int) -> Iterator[str]:
    """Everyday sentences without end, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    while True:
        for pattern in draw.sample(PATTERNS, len(PATTERNS)):
            yield re.sub(r"\{(\w+)\}", lambda slot: draw.choice(WORDS[slot[1]].split("|")), pattern)


def spoken_sentences(portfolio: Portfolio, seed: int = SEED) -> Iterator[SpokenSentence]:
    """Those sentences as sound, without end.

    Raises:
        ModelMissing: the voice is not installed.
        VoiceUnavailable: espeak-ng is not.
    """
    import numpy as np

    joe, noise = _joe(portfolio, seed), np.random.default_rng(seed)
    for number, text in enumerate(sentences(seed)):
        robot = _ROBOTS[number // _TURN % len(_ROBOTS)]
        samples = _robot(text, robot) if number % _TURN == _TURN - 1 else joe(text)
        yield SpokenSentence(text, _in_a_room(samples, noise))


def utterances(portfolio: Portfolio, count: int, between: tuple[float, float], folder: Path) -> list[LabelledRecording]:
    """So many recordings of a length in seconds, written into a folder."""
    found: list[LabelledRecording] = []
    for said in spoken_sentences(portfolio):
        if between[0] <= said.seconds <= between[1]:
            path = folder / f"utterance-{len(found):03}.wav"
            write(path, said.samples)
            found.append(LabelledRecording(path, said.text))
        if len(found) == count:
            break
    return found


def talk(portfolio: Portfolio, seconds: float, path: Path, seed: int = SEED + 1) -> LabelledRecording:
    """One recording of at least so many seconds in one go, with a pause after each sentence."""
    import numpy as np

    texts: list[str] = []
    parts: list[Samples] = []
    length = 0.0
    for said in spoken_sentences(portfolio, seed):
        texts.append(said.text)
        parts.append(said.samples)
        length += said.seconds
        if length >= seconds:
            break
    write(path, np.concatenate(parts))
    return LabelledRecording(path, " ".join(texts))


def say(portfolio: Portfolio, text: str, path: Path, room: int = SEED) -> LabelledRecording:
    """One text in the product's voice, written to a file; `room` is the seed of the hiss around it."""
    import numpy as np

    write(path, _in_a_room(_joe(portfolio, SEED)(text), np.random.default_rng(room)))
    return LabelledRecording(path, text)


def write(path: Path, samples: Samples) -> None:
    """Write a WAV of 16 bit at 16 kHz."""
    from edge_assistant.devices.microphone import to_wav

    path.write_bytes(to_wav(samples))


def _joe(portfolio: Portfolio, seed: int) -> Callable[[str], Samples]:
    """The product's voice at 16 kHz; its network draws noise from ONNX Runtime's generator, which gets the seed."""
    import numpy as np
    import onnxruntime

    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.devices.sound import resampled
    from edge_assistant.voice.piper import Voice

    onnxruntime.set_seed(seed)  # before the session is made
    voice = Voice(portfolio.open(VOICE), Runtime.detect())

    def speak(text: str) -> Samples:
        return np.concatenate([*resampled(iter([*voice.speak(text)]), voice.rate, SAMPLE_RATE)])

    return speak


def _robot(text: str, voice: str) -> Samples:
    """A sentence in a voice of espeak-ng, at 16 kHz."""
    import numpy as np

    from edge_assistant.devices.sound import resampled
    from edge_assistant.voice.phonemes import program

    command = [program(), "-v", voice, "-s", "150", "--stdin", "--stdout"]
    run = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, timeout=_TIMEOUT_S, check=False)
    if run.returncode != 0:
        raise VoiceUnavailable("the program espeak-ng fails", f"see whether 'espeak-ng -v {voice} hello' speaks")
    header, body = run.stdout[:44], run.stdout[44 : len(run.stdout) // 2 * 2]  # a pipe's header tells no length
    samples = np.frombuffer(body, "<i2").astype(np.float32) / np.float32(32768)
    return np.concatenate([*resampled(iter([samples]), int.from_bytes(header[24:28], "little"), SAMPLE_RATE)])


def _in_a_room(samples: Samples, noise: np.random.Generator) -> Samples:
    """A little silence around it, and the hiss of a quiet room."""
    import numpy as np

    edge = np.zeros(round(_EDGE_S * SAMPLE_RATE), np.float32)
    padded = np.concatenate([edge, samples, edge])
    level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-_NOISE_DB / 20)
    hiss: Samples = (noise.standard_normal(len(padded)) * level).astype(np.float32)
    return np.clip(padded + hiss, -1.0, 1.0).astype(np.float32)


def of_folder(folder: Path, between: tuple[float, float]) -> Sequence[LabelledRecording]:
    """The recordings of a folder that have a length in seconds.

    Raises:
        UsageError: there is none.
    """
    from edge_assistant_quantize.datasets.data import corpus
    from evals.speech import duration

    found = [one for one in corpus(folder) if between[0] <= duration(one.path) <= between[1]]
    if not found:
        raise UsageError(
            f"{folder.name} holds no recording of {between[0]:g} to {between[1]:g} seconds", "leave --speech out"
        )
    return found
