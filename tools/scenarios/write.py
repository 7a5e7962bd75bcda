"""Scenarios as folders: scenario.toml, the signals' files, and evidence.json: what a perfect perception gives."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import speak

from edge_assistant.bench import gold
from edge_assistant.evidence import Evidence, Locator, Speech, Word
from scenarios.model import Recording, Scenario, Signal, ids, spoken, transcript

Voices = Callable[[float], Callable[[str], tuple[speak.Samples, int]]]
_WORD_S = 0.36  # seconds a word, for the times in gold evidence
_SPELLED = (("r p m", "rpm"), ("a m", "am"), ("p m", "pm"))  # how the voice needs it, and how it is written


def write(scenario: Scenario, folder: Path, voices: Voices | None, seed: int) -> None:
    """Write a scenario into a new folder below one.

    Args:
        scenario: what to write.
        folder: below which its own folder is made.
        voices: gives a voice of a speed; None writes silence for what is spoken.
        seed: of the noise over recordings.
    """
    own = folder / scenario.id
    own.mkdir(parents=True)
    (own / "scenario.toml").write_text(toml(scenario), "utf-8")
    evidence = {}
    for name, signal in zip(ids(scenario.signals), scenario.signals, strict=True):
        if signal.kind == "image":
            (own / signal.file).write_bytes(signal.data)
            evidence[name] = gold.to_json(signal.evidence)
        elif signal.kind == "readings":
            assert signal.series is not None
            (own / signal.file).write_text(signal.series.csv(), "utf-8")
        elif signal.kind == "text":
            (own / signal.file).write_text(text(signal), "utf-8")
        else:
            _record(own / signal.file, signal, voices, seed)
            evidence[name] = gold.to_json(speech(signal))
    if evidence:
        (own / "evidence.json").write_text(json.dumps(evidence, indent=1, ensure_ascii=False) + "\n", "utf-8")


def toml(scenario: Scenario) -> str:
    """The scenario.toml."""
    lines = [f"id = {_quoted(scenario.id)}", f"domain = {_quoted(scenario.domain)}"]
    for signal in scenario.signals:
        lines += ["", "[[signals]]", f"kind = {_quoted(signal.kind)}", f"file = {_quoted(signal.file)}"]
        if signal.kind == "audio":
            lines.append(f"said = {_quoted(written(' '.join(spoken(s) for s in signal.sentences)))}")
    for question in scenario.questions:
        lines += ["", "[[questions]]", f"ask = {_quoted(question.ask)}", f"type = {_quoted(question.type)}"]
        lines += [
            f"status = {_quoted(question.status)}",
            f"answer = {_list(question.answer)}",
            f"cites = {_list(question.cites)}",
        ]
    return "\n".join([*lines, ""])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(_quoted(value) for value in values) + "]"


def text(signal: Signal) -> str:
    """A typed note."""
    return transcript(signal.joint.join(signal.sentences)) + "\n"


def written(words: str) -> str:
    """Spoken words as they are written down: what the voice has to spell is one word again.

    >>> written("at four p m and two thousand r p m.")
    'at four pm and two thousand rpm.'
    """
    for apart, together in _SPELLED:
        words = re.sub(rf"\b{apart}\b", together, words)
    return words


def speech(signal: Signal) -> list[Evidence]:
    """Gold evidence of a recording: a segment a sentence, numbers as a recogniser writes them or in words."""
    assert signal.recording is not None
    found, start = [], signal.recording.lead
    for sentence in signal.sentences:
        said = written(spoken(sentence)) if signal.in_words else transcript(sentence)
        step = _WORD_S / signal.recording.speed
        words = tuple(
            Word(word, round(start + i * step, 2), round(start + (i + 1) * step, 2), 0.95)
            for i, word in enumerate(said.split())
        )
        end = words[-1].end
        found.append(Evidence("", "", said, 0.95, Locator(seconds=(round(start, 2), end)), Speech(words, "en")))
        start = end + 0.3
    return found


def _record(path: Path, signal: Signal, voices: Voices | None, seed: int) -> None:
    way = signal.recording
    assert way is not None
    words = " ".join(spoken(sentence) for sentence in signal.sentences)
    if voices is None:
        _silence(path, way, len(words.split()) * _WORD_S / way.speed)
        return
    samples, own = voices(way.speed)(words)
    samples = speak.with_silence(speak.resample(samples, own, way.rate), way.rate, way.lead, way.trail)
    if way.telephone:
        samples = speak.telephone(samples, way.rate)
    if way.noise is not None:
        samples = speak.with_noise(samples, way.noise, np.random.default_rng(seed))
    speak.save(path, samples, way.rate)


def _silence(path: Path, way: Recording, seconds: float) -> None:
    """A silent file as long as the words would be: for gold evidence only."""
    with wave.open(str(path), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(way.rate)
        sink.writeframes(bytes(2 * round((way.lead + seconds + way.trail) * way.rate)))
