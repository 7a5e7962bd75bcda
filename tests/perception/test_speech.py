"""Speech from end to end, with Whisper tiny.en."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.sounds import FIXTURES, RATE, SAID, silence, wav
from helpers.sounds import recording as samples

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelCorrupt, Stopped
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.evidence import Speech as Spoken
from edge_assistant.core.signals import SAID as SAID_BESIDE
from edge_assistant.core.signals import Kind, Origin, take_bytes, take_file
from edge_assistant.perception import whisper
from edge_assistant.perception.decoding import TokenVocabulary
from edge_assistant.perception.sense import Percept, Request, senses
from edge_assistant.perception.senses import speech
from edge_assistant.perception.senses.speech import SpeechSense
from edge_assistant.perception.whisper import Whisper
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.metrics.transcripts import normalised


@pytest.fixture(scope="module")
def sense(models: Callable[[str], InstalledModel]) -> SpeechSense:
    return SpeechSense({"speech": models("speech"), "vad": models("vad")}, Runtime.detect())


def hear(sense: SpeechSense, sound: np.ndarray | bytes, **request: object) -> Percept:
    data = sound if isinstance(sound, bytes) else wav(sound)
    return sense.perceive(take_bytes(data, Kind.AUDIO, 1, origin=Origin.FILE, name="note.wav"), Request(**request))


def watched(monkeypatch: pytest.MonkeyPatch, method: str) -> list[tuple[Any, ...]]:
    """The arguments of each call of a method of Whisper from now on."""
    calls: list[tuple[Any, ...]] = []
    original = getattr(Whisper, method)

    def called(self: Whisper, *given: Any, **more: Any) -> Any:
        calls.append(given)
        return original(self, *given, **more)

    monkeypatch.setattr(Whisper, method, called)
    return calls


def dictated(by: SpeechSense, sound: np.ndarray) -> tuple[Evidence, ...]:
    signal = take_bytes(wav(sound), Kind.AUDIO, 0, origin=Origin.MICROPHONE, name=SAID_BESIDE)
    return by.perceive(signal, Request()).evidence


def text(evidence: tuple[Evidence, ...]) -> str:
    return normalised(" ".join(piece.text for piece in evidence))


@pytest.mark.parametrize("name", SAID)
def test_what_was_said_is_understood(sense: SpeechSense, name: str) -> None:
    percept = sense.perceive(take_file(FIXTURES / name, Kind.AUDIO, 1), Request())
    assert SpeechSense in senses()
    assert text(percept.evidence) == normalised(SAID[name])
    assert percept.notes == ()
    for piece in percept.evidence:
        assert isinstance(piece.detail, Spoken)
        assert piece.detail.language == "en"
        assert piece.confidence is not None
        assert 0.5 < piece.confidence <= 1


def test_times_are_of_the_original_recording(sense: SpeechSense) -> None:
    late = np.concatenate([silence(7), samples("pressure.wav")])
    percept = hear(sense, late, language="de")
    assert percept.notes == ("the speech model knows English only, not 'de'",)
    (piece,) = percept.evidence
    assert piece.locator.seconds is not None
    start, end = piece.locator.seconds
    assert start == pytest.approx(8.0, abs=0.35)
    assert end == pytest.approx(10.55, abs=0.4)
    assert isinstance(piece.detail, Spoken)
    assert [word.text for word in piece.detail.words] == piece.text.split()
    assert (piece.detail.words[0].start, piece.detail.words[-1].end) == (start, end)
    for word in piece.detail.words:
        assert word.start <= word.end
        assert 0 <= word.probability <= 1
    for before, after in pairwise(piece.detail.words):
        assert before.end <= after.start + 1e-6


def test_chunks_side_by_side_give_what_they_give_one_after_the_other(
    sense: SpeechSense, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes: list[int] = []
    shares: list[int] = []
    original = Whisper.beside

    @contextmanager
    def counted(self: Whisper, count: int) -> Iterator[None]:
        lanes.append(count)
        with original(self, count):
            shares.append(self._shared.get_session_options().intra_op_num_threads)
            yield

    monkeypatch.setattr(Whisper, "beside", counted)
    said = [part for name in SAID for part in (samples(name), silence(4))]
    there = hear(SpeechSense(sense.models, Runtime(1)), np.concatenate(said)).evidence
    assert text(there) == normalised(" ".join(SAID.values()))
    spans = [piece.locator.seconds for piece in there]
    assert spans == sorted(spans)
    assert spans[-1][0] > len(samples("allergies.wav")) / RATE + 4
    assert len(there) == 3
    assert not lanes
    beside = SpeechSense(sense.models, Runtime(8))
    found: list[Sequence[Evidence]] = []
    assert hear(beside, np.concatenate(said), found=found.append).evidence == there
    assert tuple(piece for part in found for piece in part) == there
    assert len(found) > 1, "a part is told when it is heard"
    assert (lanes, shares) == ([4], [2])
    assert beside._whisper._shared is None, "its memory is given back"


def test_a_stop_ends_all_that_are_understood_side_by_side(models: Callable[[str], InstalledModel]) -> None:
    runtime = Runtime(2)
    made = SpeechSense({"speech": models("speech"), "vad": models("vad")}, runtime)
    said = np.concatenate([part for _ in range(3) for part in (samples("pressure.wav"), silence(4))])
    with pytest.raises(Stopped):
        hear(made, said.astype(np.float32), progress=lambda _: runtime.halt.ask())
    runtime.halt.clear()
    assert hear(made, samples("pressure.wav")).evidence


def test_what_is_understood_is_told_part_by_part(sense: SpeechSense) -> None:
    found: list[Sequence[Evidence]] = []
    said = np.concatenate([samples("pressure.wav"), silence(4), samples("allergies.wav")])
    percept = hear(sense, said, found=found.append)
    assert [len(part) for part in found] == [1, 2]
    assert tuple(item for part in found for item in part) == percept.evidence


def test_what_is_dictated_on_and_on_is_not_heard_from_its_beginning_again(
    sense: SpeechSense, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = watched(monkeypatch, "transcribe")
    said = np.concatenate([samples("pressure.wav"), silence(4)] * 2)
    first = dictated(sense, said)
    assert len(heard) == 2
    longer = dictated(sense, np.concatenate([said, samples("allergies.wav")]))
    assert len(heard) == 3
    assert longer[: len(first)] == first
    assert "allergic" in longer[-1].text
    assert hear(sense, said).evidence == tuple(replace(item, signal="audio:1") for item in first)
    assert len(heard) == 5, "what is no dictation is not remembered"
    for number in range(100):
        sense._dictated.keep(number, [])
    assert len(sense._dictated) == speech._RECENT


def test_what_is_dictated_and_goes_on_takes_its_earlier_words_as_a_draft(
    sense: SpeechSense, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = watched(monkeypatch, "_run")
    whole = np.concatenate([samples("pressure.wav"), samples("allergies.wav")])
    dictated(sense, whole[: -RATE // 2])
    runs.clear()
    texts = [item.text for item in dictated(sense, whole)]
    few = len(runs)
    assert [item.text for item in hear(sense, whole).evidence] == texts, "what is no dictation has no draft"
    assert few <= (len(runs) - few) // 2


def test_where_the_model_stops_in_the_middle_what_comes_after_is_heard_by_itself(
    sense: SpeechSense, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[float] = []
    original = Whisper.transcribe

    def stopping(self: Whisper, sound: np.ndarray, end: float, *given: object, **more: object) -> object:
        lengths.append(len(sound) / RATE)
        if len(lengths) == 1:
            sound, end = sound[: round(2.9 * RATE)], 2.8  # the first of the two sentences
        return original(self, sound, end, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Whisper, "transcribe", stopping)
    evidence = hear(sense, np.concatenate([samples("pressure.wav")[RATE // 2 :], samples("allergies.wav")])).evidence
    assert text(evidence) == normalised(SAID["pressure.wav"] + " " + SAID["allergies.wav"])
    assert len(lengths) == 2
    assert lengths[1] < lengths[0] - 2
    spans = [piece.locator.seconds for piece in evidence]
    assert spans == sorted(spans)
    assert spans[-1][0] > 3.5, "its seconds are those of the recording"


def test_what_is_no_speech_yields_nothing(sense: SpeechSense) -> None:
    random = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    chime = 0.3 * np.sin(2 * np.pi * 880 * time) * np.exp(-3 * time)
    chords = sum(0.1 * np.sin(2 * np.pi * note * np.arange(6 * RATE) / RATE) for note in (262, 330, 392))
    for sound in (np.zeros(3 * RATE), random.standard_normal(3 * RATE) * 0.1, chime, chords):
        assert hear(sense, sound.astype(np.float32)).evidence == ()


def test_a_recording_that_breaks_off_gives_what_was_heard(sense: SpeechSense) -> None:
    data = (FIXTURES / "allergies.wav").read_bytes()
    percept = hear(sense, data[: len(data) // 2])
    assert "allergic" in text(percept.evidence)
    assert len(percept.notes) == 1
    assert "breaks off" in percept.notes[0]


def test_progress_rises_to_one_and_may_stop_the_work(sense: SpeechSense) -> None:
    told: list[float] = []
    hear(sense, np.tile(samples("pressure.wav"), 2), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 3

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hear(sense, samples("pressure.wav"), progress=stop)


def test_where_the_short_window_fails_the_full_one_is_heard(
    sense: SpeechSense, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = watched(monkeypatch, "_encode")

    def windows(sound: np.ndarray) -> list[float]:
        encoded.clear()
        assert text(hear(sense, sound).evidence).endswith(normalised(SAID["allergies.wav"]))
        return [seconds for _, _, seconds, _ in encoded]

    brief, longer = samples("allergies.wav"), np.concatenate([samples("pressure.wav"), samples("allergies.wav")])
    assert windows(brief) == [10]
    (short,) = windows(longer)
    assert len(longer) / RATE <= short <= len(longer) / RATE + 2
    monkeypatch.setattr(whisper, "_MIN_BRIEF_CONFIDENCE", 0.0)
    monkeypatch.setattr(whisper, "_MIN_SHORT_CONFIDENCE", 0.0)
    assert windows(brief) == [10, 30]
    assert windows(longer)[:2] == [short, 30]


def test_where_that_fails_too_other_words_are_tried(sense: SpeechSense, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = watched(monkeypatch, "_decode")
    for name, value in (("_MIN_BRIEF_CONFIDENCE", 0.0), ("_MIN_CONFIDENCE", 0.0), ("_UNSURE", -np.inf)):
        monkeypatch.setattr(whisper, name, value)
    first = hear(sense, samples("pressure.wav"))
    assert [temperature for _, _, _, temperature, *_ in decoded] == [0.0, 0.0, 0.4, 0.8]
    assert text(first.evidence) == normalised(SAID["pressure.wav"])
    assert hear(sense, samples("pressure.wav")) == first


@pytest.mark.parametrize(
    ("misleading", "names", "tries"),
    [("_echoes", ["pressure.wav"], 2), ("_says_twice", ["pressure.wav", "allergies.wav"], 1)],
)
def test_where_words_are_unsure_the_style_is_tried_and_not_believed_where_it_misleads(
    sense: SpeechSense, monkeypatch: pytest.MonkeyPatch, misleading: str, names: list[str], tries: int
) -> None:
    """A brief sound is decoded in both windows before."""
    decoded = watched(monkeypatch, "_decode")
    for name, value in (("_MIN_BRIEF_CONFIDENCE", 0.0), ("_UNSURE", 0.0), ("_LIKELIER", -np.inf)):
        monkeypatch.setattr(whisper, name, value)
    monkeypatch.setattr(whisper, misleading, lambda *_: True)
    heard = hear(sense, np.concatenate([samples(name) for name in names]))
    assert text(heard.evidence) == normalised(" ".join(SAID[name] for name in names))
    assert [bool(given[4:] and given[4]) for given in decoded] == [False] * tries + [True]


def test_models_can_be_loaded_before_there_is_a_recording(models: Callable[[str], InstalledModel]) -> None:
    made = SpeechSense({"speech": models("speech"), "vad": models("vad")}, Runtime.detect())
    assert not {"_vad", "_whisper"} & vars(made).keys()
    made.prepare()
    assert vars(made).keys() >= {"_vad", "_whisper"}


def test_a_damaged_vocabulary_is_a_corrupt_model(models: Callable[[str], InstalledModel], tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelCorrupt):
        TokenVocabulary.load(tmp_path / "tokenizer.json", models("speech").files["config"])


def test_results_come_in_order_and_no_more_is_drawn_than_is_needed() -> None:
    drawn: list[int] = []
    gates = [threading.Event() for _ in range(9)]

    def items() -> Iterator[int]:
        for number in range(9):
            drawn.append(number)
            yield number

    def work(number: int) -> int:
        if number % 2 == 0 and number < 8:
            assert gates[number + 1].wait(60)  # an even one ends after the next
        gates[number].set()
        return number

    found = speech.in_order(work, items(), 2, pytest.fail)
    assert next(found) == 0
    assert len(drawn) <= 4
    assert list(found) == list(range(1, 9))


def test_an_error_comes_in_its_place_and_nothing_else_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: set[int] = set()
    ended = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ended.set()
            super().shutdown(wait)

    def work(number: int) -> int:
        begun.add(number)
        assert number < 3 or ended.wait(60)  # what comes after the error holds both threads until the end
        return 1 // (number - 2)

    monkeypatch.setattr(speech, "ThreadPoolExecutor", Pool)
    found = speech.in_order(work, iter(range(100)), 2, pytest.fail)
    assert [next(found), next(found)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert begun <= {*range(5)}


def test_what_is_begun_is_stopped_at_ctrl_c() -> None:
    stopped = threading.Event()

    def items() -> Iterator[int]:
        yield from range(2)
        raise KeyboardInterrupt

    def work(number: int) -> int:
        assert stopped.wait(60)
        return number

    with pytest.raises(KeyboardInterrupt):
        next(speech.in_order(work, items(), 2, stopped.set))
    assert stopped.is_set()
