"""Speak a text into a WAV file: for examples, fixtures and the speech bench. Not part of the product.

Two voices: `joe`, a Piper voice (VITS, ONNX) that sounds natural and needs its model file, and espeak-ng's own voices
(`en-us`, `en-gb`, ...), which sound like a machine. Phonemes come from the program espeak-ng, run as its own process.

    python tools/speak.py "I am allergic to penicillin." note.wav --voice joe --model en_US-joe-medium.onnx --seed 7
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
_PAUSES = re.compile(r"([^,.;:?!]+(?:[.,:;?!](?=\S)[^,.;:?!]+)*)([,.;:?!]?)\s*")


def espeak(*arguments: str, text: str) -> bytes:
    """Run espeak-ng over a text and return what it writes."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise SystemExit("error: espeak-ng is not installed - run 'apt-get install espeak-ng'")
    return subprocess.run([program, *arguments], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


def robot_voice(voice: str, speed: float = 1.0) -> Callable[[str], tuple[Samples, int]]:
    """Open one of espeak-ng's own voices: a function from text to samples (-1..1) and their rate."""

    def say(text: str) -> tuple[Samples, int]:
        spoken = espeak("-v", voice, "-s", str(round(165 * speed)), "--stdin", "--stdout", text=text)
        header, body = spoken[:44], spoken[44 : len(spoken) // 2 * 2]  # the header's lengths are not true of a pipe
        samples = np.frombuffer(body, "<i2").astype(np.float32) / np.float32(32768)
        return samples, int.from_bytes(header[24:28], "little")

    return say


def piper_voice(model: Path, seed: int, speed: float = 1.0) -> Callable[[str], tuple[Samples, int]]:
    """Open a Piper voice: a function from text to samples (-1..1) and their rate.

    The model draws its noise from ONNX Runtime's generator, which is seeded when the session is made: the same texts
    in the same order sound the same. Sequence of identifiers as in Piper: `^ _ p _ p _ ... $`.
    """
    import onnxruntime

    config = json.loads(model.with_name(model.name + ".json").read_text("utf-8"))
    ids: dict[str, list[int]] = config["phoneme_id_map"]
    onnxruntime.set_seed(seed)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    inference = config["inference"]
    scales = np.array([inference["noise_scale"], inference["length_scale"] / speed, inference["noise_w"]], np.float32)

    def say(text: str) -> tuple[Samples, int]:
        spoken = phonemes(text, config["espeak"]["voice"])
        row = (
            ids["^"] + [number for symbol in spoken for number in ids["_"] + ids.get(symbol, [])] + ids["_"] + ids["$"]
        )
        feed = {"input": np.array([row], np.int64), "input_lengths": np.array([len(row)], np.int64), "scales": scales}
        return session.run(None, feed)[0].reshape(-1), int(config["audio"]["sample_rate"])

    return say


def phonemes(text: str, voice: str) -> str:
    """IPA of a text with its punctuation kept, which tells the voice where to pause."""
    parts = []
    for clause, mark in _PAUSES.findall(text):
        spoken = espeak("-q", "--ipa", "-v", voice, "--stdin", text=clause).decode()
        parts.append(" ".join(spoken.split()) + mark)
    return " ".join(parts)


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """Another sample rate, by the discrete Fourier transform of the whole; good for seconds, not for hours."""
    if rate == wanted:
        return samples
    spectrum = np.fft.rfft(samples)
    length = round(len(samples) * wanted / rate)
    return (np.fft.irfft(spectrum[: length // 2 + 1], length) * (length / len(samples))).astype(np.float32)


def telephone(samples: Samples, rate: int) -> Samples:
    """Only what a telephone lets through: 300 to 3400 Hz."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[(frequency < 300) | (frequency > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def with_noise(samples: Samples, decibels: float, random: np.random.Generator) -> Samples:
    """Pink noise so many decibels below the speech."""
    white = np.fft.rfft(random.standard_normal(len(samples)))
    pink = np.fft.irfft(white / np.sqrt(np.arange(1, len(white) + 1)), len(samples))
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)
    noise: Samples = (pink * (level / np.sqrt(np.mean(pink**2)))).astype(np.float32)
    return samples + noise


def with_silence(samples: Samples, rate: int, lead: float, trail: float) -> Samples:
    """Seconds of silence before and after."""
    return np.pad(samples, (round(lead * rate), round(trail * rate)))


def save(path: Path, samples: Samples, rate: int) -> None:
    """Write 16 bit mono WAV, its loudest sample at 0.8."""
    peak = float(np.max(np.abs(samples), initial=1e-9))
    with wave.open(str(path), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(rate)
        sink.writeframes((samples * (0.8 / peak) * 32767).astype("<i2").tobytes())


def main() -> int:
    """Speak one text."""
    parser = argparse.ArgumentParser(description="Speak a text into a WAV file.")
    parser.add_argument("text")
    parser.add_argument("output", type=Path)
    parser.add_argument("--voice", default="en-us", help="joe, or a voice of espeak-ng (default: en-us)")
    parser.add_argument("--model", type=Path, help="the Piper voice's .onnx, its .onnx.json beside it; for joe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--rate", type=int, default=16000, help="sample rate of the file")
    parser.add_argument("--noise", type=float, metavar="DB", help="pink noise so many decibels below the speech")
    parser.add_argument("--telephone", action="store_true", help="only 300 to 3400 Hz")
    parser.add_argument("--lead", type=float, default=0.2, help="seconds of silence before")
    parser.add_argument("--trail", type=float, default=0.3, help="seconds of silence after")
    args = parser.parse_args()
    if args.voice == "joe" and args.model is None:
        parser.error("the voice joe needs --model")
    say = piper_voice(args.model, args.seed, args.speed) if args.voice == "joe" else robot_voice(args.voice, args.speed)
    samples, rate = say(args.text)
    samples = with_silence(resample(samples, rate, args.rate), args.rate, args.lead, args.trail)
    if args.telephone:
        samples = telephone(samples, args.rate)
    if args.noise is not None:
        samples = with_noise(samples, args.noise, np.random.default_rng(args.seed))
    save(args.output, samples, args.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
