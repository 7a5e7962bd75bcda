import io
import itertools
import wave
from contextlib import suppress

import numpy as np
import pytest
from helpers import sounds
from helpers.devices import Kept

from edge_assistant.core.errors import (
    DeviceEnded,
    DeviceLost,
    DeviceMissing,
    InputCorrupt,
    InputEmpty,
    InputUnsupported,
)
from edge_assistant.core.signals import SAMPLE_RATE
from edge_assistant.devices import microphone
from edge_assistant.devices.device import Change
from edge_assistant.devices.microphone import BLOCK, FileMicrophone, _Heard, to_wav
from edge_assistant.devices.sound import resampled
from edge_assistant.perception.audio import cut

FAST = 10_000.0


def decibels(samples, hertz, rate):
    """How loud a tone is in samples of a whole number of its periods, against the loudest there can be."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) * 4 / len(samples)
    at = round(hertz * len(samples) / rate)
    return 20 * np.log10(spectrum[at - 3 : at + 4].max() + 1e-9)


def read_to_end(device):
    device.open()
    blocks = []
    with suppress(DeviceEnded):
        while True:
            blocks.append(device.read())
    return blocks


class TestWav:
    def test_samples_become_a_recording_of_16_khz_and_16_bit(self):
        with wave.open(io.BytesIO(to_wav(sounds.tone(1)))) as file:
            assert file.getparams()[:4] == (1, 2, SAMPLE_RATE, SAMPLE_RATE)
            samples = np.frombuffer(file.readframes(SAMPLE_RATE), "<i2") / 32767
        assert np.abs(samples - sounds.tone(1)).max() < 1e-4
        with wave.open(io.BytesIO(to_wav(np.array([2.0, -2.0], dtype=np.float32)))) as file:
            assert np.frombuffer(file.readframes(2), "<i2").tolist() == [32767, -32767], "clipped, not turned over"


class TestResampling:
    @pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
    def test_a_tone_keeps_its_height_and_loudness(self, rate):
        parts = np.array_split(sounds.tone(2, rate, 1_000), 37)
        out = np.concatenate(list(resampled(parts, rate, SAMPLE_RATE)))
        assert len(out) == pytest.approx(2 * SAMPLE_RATE, abs=64)
        assert decibels(out[8_000:24_000], 1_000, SAMPLE_RATE) == pytest.approx(-6, abs=0.2)

    def test_what_lies_above_does_not_come_back_as_another_tone(self):
        out = np.concatenate(list(resampled([sounds.tone(2, 48_000, 11_000)], 48_000, SAMPLE_RATE)))
        assert np.abs(out[4_000:28_000]).max() < 0.002  # 5 kHz without a filter
        part = sounds.tone(1)
        assert next(resampled([part], SAMPLE_RATE, SAMPLE_RATE)) is part

    def test_parts_of_any_length_become_blocks(self):
        parts = [np.arange(n, dtype=np.float32) for n in (0, 3, 2_000, 511, 1, 5_000)]
        blocks = list(cut(parts, BLOCK))
        assert {len(block) for block in blocks} == {BLOCK}
        assert np.array_equal(np.concatenate(blocks), np.concatenate(parts)[: len(blocks) * BLOCK])


class TestFile:
    @pytest.mark.parametrize("rate", [16_000, 44_100])
    def test_a_recording_is_heard_block_by_block_then_silence_then_its_end(self, tmp_path, rate):
        device = FileMicrophone(tmp_path / "a.wav", FAST)
        with pytest.raises(DeviceMissing, match=r"there is no a\.wav to stand for a microphone"):
            device.open()
        (tmp_path / "a.wav").write_bytes(sounds.wav(sounds.tone(1, rate), rate))
        blocks = read_to_end(device)
        assert np.array_equal(np.stack(blocks), np.stack(read_to_end(device))), "at its start again"
        assert {(block.shape, block.dtype.name) for block in blocks} == {((BLOCK,), "float32")}
        heard = np.concatenate(blocks)
        assert len(heard) == pytest.approx(3 * SAMPLE_RATE, abs=BLOCK)
        assert decibels(heard[: SAMPLE_RATE - 4_000], 440, SAMPLE_RATE) == pytest.approx(-6, abs=0.3)
        assert np.abs(heard[SAMPLE_RATE + 100 :]).max() < 1e-3

    def test_it_is_paced_by_its_samples(self, tmp_path, monkeypatch):
        now = [0.0]
        monkeypatch.setattr(microphone.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(microphone.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
        path = tmp_path / "a.wav"
        path.write_bytes(sounds.wav(sounds.tone(1)))
        count = len(read_to_end(FileMicrophone(path)))
        assert now[0] == pytest.approx(count * BLOCK / SAMPLE_RATE)
        read_to_end(FileMicrophone(path, speed=4.0))
        assert now[0] == pytest.approx(count * BLOCK / SAMPLE_RATE * 1.25)

    def test_a_file_that_is_moved_away_is_unplugged_and_comes_back(self, tmp_path):
        path = tmp_path / "a.wav"
        path.write_bytes(sounds.wav(sounds.tone(60)))
        with Kept(FileMicrophone(path)) as kept:
            kept.wait(lambda: len(kept.items) > 2)
            path.rename(tmp_path / "b.wav")
            assert kept.until(Change.LOST) == "a.wav is gone - put the file back"
            (tmp_path / "b.wav").rename(path)
            kept.until(Change.BACK)

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"", InputUnsupported),
            (b"no sound", InputUnsupported),
            (b"RIFF\x24\0\0\0WAVEjunk", InputCorrupt),
            (to_wav(np.zeros(0, dtype=np.float32)), InputEmpty),
        ],
    )
    def test_what_cannot_be_heard(self, tmp_path, data, error):
        (tmp_path / "a.wav").write_bytes(data)
        device = FileMicrophone(tmp_path / "a.wav")
        if error is InputEmpty:
            device.open()
            with pytest.raises(DeviceLost, match="has no sound that can be played"):
                device.read()
        else:
            with pytest.raises(error):
                device.open()


class TestHeard:
    def test_what_nobody_takes_is_bounded_and_the_oldest_is_dropped(self):
        heard = _Heard(1_000, "a microphone")
        for number in range(10_000):
            heard.put(np.full((100, 1), number, dtype=np.float32))
        kept = [int(part[0]) for part in itertools.islice(heard.parts(), 10)]
        assert kept == list(range(9_990, 10_000))
        heard = _Heard(1_000, "a microphone")
        heard.put(np.array([[0.5, 0.1], [0.2, 0.2]], dtype=np.float32))
        assert next(heard.parts()) == pytest.approx([0.3, 0.2]), "two channels are mixed"

    def test_silence_of_the_driver_is_loss(self, monkeypatch):
        monkeypatch.setattr(microphone, "SILENT", 0.01)
        heard = _Heard(1_000, "a microphone")
        heard.put(np.zeros((10, 1), dtype=np.float32))
        parts = heard.parts()
        next(parts)
        with pytest.raises(DeviceLost, match="a microphone is gone or silent"):
            next(parts)
