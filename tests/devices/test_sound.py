"""Microphones and speakers over a real sound server, and the lists of machines that are made up."""

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import devices as soundserver
from helpers.devices import Kept
from helpers.platforms import PORTAUDIO

from edge_assistant.core.errors import DeviceBusy, DeviceMissing
from edge_assistant.core.signals import SAMPLE_RATE
from edge_assistant.devices import chosen, microphone, sound
from edge_assistant.devices.device import Change
from edge_assistant.devices.sound import SoundDevice

SPOKEN = Path(__file__).parents[1] / "fixtures" / "speech" / "allergies.wav"


real = pytest.mark.skipif(bool(soundserver.MISSING) or not PORTAUDIO, reason="PulseAudio or PortAudio is not installed")


@pytest.fixture(name="server", scope="module")
def _server():
    with soundserver.running() as server:
        sound.renew()
        if all(found.name != "pulse" for found in sound.devices("input")):
            pytest.skip("ALSA has no plugin for PulseAudio: libasound2-plugins is not installed")
        yield server


@pytest.fixture(name="spoken", scope="module")
def _spoken(tmp_path_factory):
    """A second and a half of speech: what is played takes as long as it lasts."""
    samples = recorded(SPOKEN)
    loudest = int(np.abs(samples).argmax())
    path = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    path.write_bytes(microphone.to_wav(samples[max(0, loudest - SAMPLE_RATE) :][: 3 * SAMPLE_RATE // 2]))
    return path


@pytest.fixture(name="cable")
def _cable(server):
    server.plug("desk", "Desk")
    yield server
    server.unplug("desk")


def likeness(heard, played):
    """How well the parts of what was played are found in what was heard, at any loudness: 1 where they are the same.

    It is the median of the parts, as a machine that is busy drops some milliseconds here and there.
    """
    return float(np.median([_found(heard.astype(np.float64), part) for part in np.array_split(played, 8)]))


def _found(heard, part):
    size = len(heard) + len(part)
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(part, size)), size)
    power = np.concatenate([[0.0], np.cumsum(np.square(heard))])
    there = np.sqrt(np.maximum(power[len(part) :] - power[: -len(part)], 1e-6))
    return (products[: len(there)] / there).max() / max(np.linalg.norm(part), 1e-3)


def recorded(path):
    """A recording as the virtual microphone hears it."""
    device, blocks = microphone.FileMicrophone(path, 10_000.0), []
    with Kept(device, blocks.append) as kept:
        kept.until(Change.CLOSED)
    return np.concatenate(blocks)[: -round(microphone.SILENCE_AFTER * SAMPLE_RATE)]


@real
class TestServer:
    def test_they_are_listed_by_the_names_that_people_know(self, cable):
        assert sound.names("input") == ["Desk mic"]
        assert sound.names("output") == ["Desk speaker"]

    def test_what_is_played_is_heard(self, cable, spoken):
        with Kept(chosen.microphone("desk")) as kept:
            kept.wait(lambda: kept.items)
            cable.play(spoken, "desk")
            kept.wait(lambda: np.abs(np.concatenate(kept.items[-30:])).max() < 1e-3)
        assert kept.told[0] == (Change.OPENED, "Desk mic")
        assert {(block.shape, block.dtype.name) for block in kept.items} == {((512,), "float32")}
        assert likeness(np.concatenate(kept.items), recorded(spoken)) > 0.98

    def test_what_a_speaker_plays_is_heard_and_stops_at_once(self, cable, spoken):
        played, ended = recorded(spoken), threading.Event()
        player = chosen.speaker(None)
        with Kept(chosen.microphone(None)) as kept:
            kept.wait(lambda: kept.items)
            player.play(played, SAMPLE_RATE, ended.set)
            assert ended.wait(60)
            count = len(kept.items)
            kept.wait(lambda: len(kept.items) > count + 30)
            assert likeness(np.concatenate(kept.items), played) > 0.98
            count = len(kept.items)
            ended.clear()
            player.play(np.tile(played, 30), SAMPLE_RATE, ended.set)
            kept.wait(lambda: np.abs(np.concatenate(kept.items[count:] or [played[:0]])).max(initial=0) > 0.1)
            player.stop()
            assert not player.playing
            assert ended.wait(60)
            kept.wait(lambda: np.abs(np.concatenate(kept.items[-10:])).max() < 1e-3)
        player.close()

    def test_a_microphone_that_is_unplugged_is_lost_and_comes_back_by_its_name(self, cable):
        cable.plug("other", "Other")
        with Kept(chosen.microphone(None)) as kept:  # the default one, whose place the other must not take unseen
            assert kept.until(Change.OPENED) == "Desk mic"
            for count in (1, 2):
                cable.unplug("desk")
                assert kept.until(Change.LOST, count).startswith("Desk mic is gone")
                cable.plug("desk", "Desk")
                assert kept.until(Change.BACK, count) == "Desk mic"
        cable.unplug("other")
        assert kept.changes == [Change.OPENED, *[Change.LOST, Change.BACK] * 2, Change.CLOSED]

    def test_one_that_the_server_replaces_by_another_in_silence_is_lost_too(self, cable, monkeypatch):
        monkeypatch.setattr(microphone, "LOOK", 0.2)
        cable.plug("other", "Other")
        with Kept(chosen.microphone("Desk mic")) as kept:
            kept.until(Change.OPENED)
            cable.unplug_microphone("desk")
            assert kept.until(Change.LOST) == "Desk mic is gone - plug it in again, it comes back by itself"
        cable.unplug("other")

    def test_a_speaker_that_is_unplugged_ends_what_it_plays(self, cable):
        player, ended = chosen.speaker("Desk speaker"), threading.Event()
        player.play(np.zeros(SAMPLE_RATE * 60, dtype=np.float32), SAMPLE_RATE, ended.set)
        cable.unplug("desk")
        assert ended.wait(60)
        with pytest.raises(DeviceMissing, match="there is no speaker"):
            player.play(np.zeros(SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
        cable.plug("desk", "Desk")
        ended.clear()
        player.play(np.zeros(SAMPLE_RATE // 10, dtype=np.float32), SAMPLE_RATE, ended.set)
        assert ended.wait(60)
        player.close()

    def test_what_a_sink_plays_is_no_microphone_unless_it_is_named(self, server):
        server.load("lonely", "module-null-sink", "sink_name=lonely", "norewinds=1")
        assert sound.names("input") == []
        with pytest.raises(DeviceMissing, match="there is no microphone - plug one in"):
            chosen.microphone(None).open()
        device = chosen.microphone("lonely.monitor")
        device.open()
        assert device.read().shape == (512,)
        device.close()
        server.unload("lonely")


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """A machine of which a test says what PortAudio lists and what the sound server has."""

    machine = SimpleNamespace(listed=[], nodes=None, renewed=0)

    def renew():
        machine.renewed += 1

    monkeypatch.setattr(sound, "renew", renew)
    monkeypatch.setattr(sound, "devices", lambda _: machine.listed)
    monkeypatch.setattr(sound, "nodes", lambda _: machine.nodes)
    return machine


def node(name, **more):
    return SoundDevice(**{"name": name, "index": -1, "rate": 48_000, "node": name.lower(), **more})


class TestFound:
    def test_without_a_server_the_cards_are_listed_and_the_default_first(self, machine):
        machine.listed = [
            SoundDevice("HDA: Analog", 0, 48_000, card=True),
            SoundDevice("sysdefault", 1, 48_000),
            SoundDevice("default", 2, 48_000, default=True),
            SoundDevice("Jabra", 3, 16_000, card=True),
        ]
        assert sound.names("input") == ["default", "HDA: Analog", "Jabra"]
        assert sound.find(None, "input").name == "default"
        assert sound.find("jab", "input").index == 3
        assert sound.find("sysdefault", "input").index == 1
        machine.listed = [SoundDevice("pulse", 1, 44_100, default=True), SoundDevice("HDA", 0, 48_000, card=True)]
        assert sound.names("input") == ["pulse", "HDA"], "a server that cannot be asked leaves the cards"
        assert machine.renewed

    def test_with_a_server_its_own_names_are_listed(self, machine):
        machine.listed = [SoundDevice("HDA", 0, 48_000, card=True), SoundDevice("pulse", 1, 44_100)]
        machine.nodes = [node("Headset", default=True, rate=16_000), node("Monitor", monitor=True), node("Webcam")]
        assert sound.names("input") == ["Headset", "Webcam"]
        assert sound.find("webcam", "input") == SoundDevice("Webcam", 1, 48_000, node="webcam")
        assert sound.find("monitor", "input").node == "monitor"
        assert machine.renewed == 0  # which would end other streams

    def test_what_is_not_there_is_said_with_what_is(self, machine):
        with pytest.raises(DeviceMissing, match="there is no speaker - plug one in"):
            sound.find("Jabra", "output")
        machine.listed = [SoundDevice("HDA", 0, 48_000, card=True), SoundDevice("HDMI", 1, 48_000, card=True)]
        with pytest.raises(DeviceMissing, match="there is no speaker Jabra - plug it in, or choose HDA or HDMI"):
            sound.find("Jabra", "output")

    def test_one_that_the_server_has_lost_is_gone(self, machine):
        found = SoundDevice("Headset", 1, 48_000, node="headset")
        machine.nodes = [node("Headset")]
        assert not sound.gone(found, "input")
        machine.nodes = [node("Webcam")]
        assert sound.gone(found, "input")
        machine.nodes = None  # the server did not answer in time: the silence of the stream will tell
        assert not sound.gone(found, "input")


@pytest.mark.parametrize(
    "answer",
    ["", "not json", "{}", "[1, null, {}]", '[{"name": 7}]', '{"a": ' * 500],
)
def test_a_server_that_answers_nonsense(monkeypatch, tmp_path, answer):
    program = tmp_path / "pactl"
    (tmp_path / "answer").write_text(answer)
    program.write_text(f"#!/bin/sh\ncat '{tmp_path}/answer'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not sound.nodes("input")


def test_nodes_of_the_same_name_are_numbered_and_their_letters_are_printable(monkeypatch):
    listed = [
        {"name": "a", "description": "Mic\x1b", "sample_specification": "s16le 1ch 16000Hz", "monitor_source": ""},
        {"name": "b", "description": "Mic\x1b"},
        {"name": "c.monitor", "description": "Monitor of C", "monitor_source": "c"},
    ]
    answers = {"list": listed, "info": {"default_source_name": "b"}}
    monkeypatch.setattr(sound, "_asked", lambda word, *_: answers[word])
    assert sound.nodes("input") == [
        SoundDevice("Mic\ufffd #2", -1, 48_000, default=True, node="b"),
        SoundDevice("Mic\ufffd", -1, 16_000, node="a"),
        SoundDevice("Monitor of C", -1, 48_000, node="c.monitor", monitor=True),
    ]


class PortAudioError(Exception):
    """As sounddevice raises it: a message and PortAudio's number."""


class FakeLibrary:
    """PortAudio's cards, of which a test says what opening and starting them does."""

    PortAudioError = PortAudioError
    default = SimpleNamespace(device={"input": 1, "output": -1})

    def __init__(self):
        self.names = ["HDA Intel PCH: ALC257 (hw:0,0)", "Jabra: USB Audio (hw:2,0)", "Jabra: USB Audio (hw:3,0)"]
        self.open = self.start = lambda _: None
        self.initialised = 0
        self.open_streams = []

    def query_devices(self):
        return [
            {"name": name, "max_input_channels": 2, "max_output_channels": 0, "default_samplerate": 44_100.0}
            for name in self.names
        ]

    def _initialize(self):
        self.initialised += 1

    def _terminate(self):
        assert not self.open_streams, "which would end it"

    def InputStream(self, rate, _, index, channels, *__, callback):  # noqa: N802
        self.open(channels)
        stream = SimpleNamespace(channels=channels, rate=rate, index=index, callback=callback)
        stream.start = lambda: self.start(channels)
        stream.abort = lambda ignore_errors: None
        stream.close = lambda ignore_errors: self.open_streams.remove(stream)
        self.open_streams.append(stream)
        return stream


@pytest.fixture(name="library")
def _library(monkeypatch):
    library = FakeLibrary()
    monkeypatch.setattr(sound, "library", lambda: library)
    monkeypatch.setattr(sound, "_streams", set())
    monkeypatch.setattr(sound, "nodes", lambda _: None)
    return library


def refusing(message, number, channels=(1, 2)):
    def do(asked):
        if asked in channels:
            raise PortAudioError(message, number)

    return do


class TestCards:
    def test_they_are_known_wherever_alsa_put_them(self, library):
        assert sound.names("input") == ["Jabra: USB Audio", "HDA Intel PCH: ALC257", "Jabra: USB Audio #2"]
        library.names = ["HDA Intel PCH: ALC257 (hw:0,0)", "Webcam (hw:2,0)", "Jabra: USB Audio (hw:7,0)"]
        assert sound.find("Jabra: USB Audio", "input").index == 2
        assert sound.names("output") == []

    def test_one_that_has_two_channels_only_is_opened_with_two(self, library):
        library.open = refusing("Invalid number of channels", -9998, (1,))
        stream = sound.stream(sound.find("HDA", "input"), "input", print)
        assert (stream.channels, stream.rate, stream.index) == (2, 44_100, 0)
        sound.end(stream)
        assert library.open_streams == []

    @pytest.mark.parametrize(
        ("step", "told", "error", "said"),
        [
            ("open", ("Device unavailable", -9985), DeviceBusy, "another program has HDA Intel PCH: ALC257 - close"),
            ("start", ("Device unavailable", -9985), DeviceBusy, "another program has HDA Intel PCH: ALC257 - close"),
            ("open", ("Invalid sample rate", -9997), DeviceMissing, r"ALC257 cannot be opened \(Invalid sample rate\)"),
        ],
    )
    def test_one_that_another_program_has_or_that_cannot_be_opened(self, library, step, told, error, said):
        setattr(library, step, refusing(*told))
        with pytest.raises(error, match=said):
            sound.stream(sound.find("HDA", "input"), "input", print)
        assert library.open_streams == []

    def test_the_list_is_not_renewed_while_a_stream_is_open(self, library):
        stream = sound.stream(sound.find("HDA", "input"), "input", print)
        count = library.initialised
        assert len(sound.names("input")) == 3
        assert library.initialised == count
        sound.end(stream)
        sound.names("input")
        assert library.initialised == count + 1

    def test_one_that_never_says_anything_is_not_there(self, library, monkeypatch):
        monkeypatch.setattr(microphone, "BEGINS", 0.01)
        with pytest.raises(DeviceMissing, match="HDA Intel PCH: ALC257 gives no sound"):
            chosen.microphone("HDA").open()
        assert library.open_streams == []


def test_without_the_library_everything_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert sound.names("input") == sound.names("output") == []
    with pytest.raises(DeviceMissing, match=r"library for sound is not installed - install it: pip install .*audio"):
        chosen.microphone(None).open()
    with pytest.raises(DeviceMissing, match="the library for sound is not installed"):
        chosen.speaker(None).play(np.zeros(10, dtype=np.float32), SAMPLE_RATE)


def test_without_portaudio_everything_says_so(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert sound.names("input") == []
    with pytest.raises(DeviceMissing, match="PortAudio, which drives sound, is not installed - install it: apt"):
        chosen.microphone(None).open()
