import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from helpers.devices import PATIENCE

from edge_assistant.core.errors import DeviceBusy, DeviceLost, DeviceMissing
from edge_assistant.devices import speaker
from edge_assistant.devices.speaker import FileOutput, Player


class Output:
    """Takes samples as soon as a test lets it, and can be lost."""

    def __init__(self):
        self.rate = 0
        self.taken = []
        self.dropped = self.opened = self.closed = 0
        self.missing = False
        self.fault = None
        self.open_gate, self.opening, self.asked = threading.Event(), threading.Event(), threading.Event()
        self.open_gate.set()
        self.opening.set()

    def open(self, rate):
        self.asked.set()
        assert self.opening.wait(PATIENCE)
        if self.missing:
            raise DeviceMissing("there is no speaker", "plug one in")
        self.rate, self.opened = rate, self.opened + 1

    def write(self, part):
        assert self.open_gate.wait(PATIENCE)
        if self.fault is not None:
            raise self.fault
        self.taken.append(part)

    def heard(self):
        return True

    def drop(self):
        self.dropped += 1

    def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "speaker"] == []


@pytest.fixture(name="output")
def _output():
    return Output()


@pytest.fixture(name="player")
def _player(output):
    player = Player(output)
    yield player
    output.open_gate.set()
    player.close()


def samples(seconds, value=0.5, rate=1_000):
    return np.full(round(seconds * rate), value, dtype=np.float32)


class Ends:
    """Waits for the ends of pieces."""

    def __init__(self):
        self.names = []
        self._came = threading.Condition()

    def of(self, name):
        def done():
            with self._came:
                self.names.append(name)
                self._came.notify_all()

        return done

    def wait(self, count):
        with self._came:
            assert self._came.wait_for(lambda: len(self.names) >= count, PATIENCE), self.names


def test_pieces_are_played_one_after_the_other(player, output):
    ends = Ends()
    for value in (0.1, 0.2, 0.3):
        player.play(samples(1, value), 1_000, ends.of(value))
    ends.wait(3)
    assert ends.names == [0.1, 0.2, 0.3]
    assert not player.playing
    assert np.concatenate(output.taken) == pytest.approx(np.repeat([0.1, 0.2, 0.3], 1_000))
    assert output.opened == 1


def test_stopping_ends_all_pieces_at_once_and_each_once(player, output):
    output.open_gate.clear()
    ends = Ends()
    for name in "abc":
        player.play(samples(10), 1_000, ends.of(name))
    assert player.playing
    player.stop()
    assert not player.playing
    assert output.dropped == 1
    output.open_gate.set()
    ends.wait(3)
    assert ends.names == ["a", "b", "c"]
    assert len(output.taken) <= 1
    player.play(samples(1, 0.25), 1_000, ends.of("d"))
    ends.wait(4)
    assert output.taken[-1][-1] == pytest.approx(0.25)


def test_who_stops_or_looks_does_not_wait_for_a_speaker_that_is_being_opened(player, output):
    output.opening.clear()
    ends = Ends()
    plays = threading.Thread(target=player.play, args=(samples(10), 1_000, ends.of("a")))
    plays.start()
    assert output.asked.wait(PATIENCE)
    assert player.playing
    player.stop()
    assert not player.playing
    assert output.opened == 0
    output.opening.set()
    ends.wait(1)
    plays.join(PATIENCE)
    assert output.taken == []


def test_one_that_waits_for_the_opening_opens_it_where_the_first_could_not(player, output):
    output.opening.clear()
    ends, tried, refused = Ends(), [], []
    open_it = output.open

    def open_at_the_second_try(rate):
        tried.append(rate)
        if len(tried) == 1:
            output.asked.set()
            assert output.opening.wait(PATIENCE)
            raise DeviceMissing("there is no speaker", "plug one in")
        open_it(rate)

    def play(name):
        try:
            player.play(samples(1), 1_000, ends.of(name))
        except DeviceMissing:
            refused.append(name)

    output.open = open_at_the_second_try
    plays = [threading.Thread(target=play, args=(name,)) for name in "ab"]
    plays[0].start()
    assert output.asked.wait(PATIENCE)
    plays[1].start()
    output.opening.set()
    ends.wait(1)
    for thread in plays:
        thread.join(PATIENCE)
    assert (refused, ends.names) == (["a"], ["b"])


@pytest.mark.parametrize("fault", [ZeroDivisionError("of somebody else"), DeviceLost("of somebody else", "plug it in")])
def test_a_fault_ends_all_pieces_and_the_speaker_is_found_again(player, output, caplog, fault):
    ends = Ends()
    output.fault = fault
    output.open_gate.clear()
    for name in "ab":
        player.play(samples(1), 1_000, ends.of(name))
    output.open_gate.set()
    ends.wait(2)
    assert "of somebody else" in caplog.text
    assert not player.playing
    assert output.closed >= 1
    output.missing = True
    with pytest.raises(DeviceMissing):
        player.play(samples(1), 1_000)
    output.missing, output.fault = False, None
    player.play(samples(1), 1_000, ends.of("c"))
    ends.wait(3)
    assert ends.names == ["a", "b", "c"]


def test_another_rate_is_brought_to_that_of_the_output(player, output):
    ends = Ends()
    player.play(samples(1, rate=16_000), 16_000, ends.of("a"))
    player.play(samples(1, rate=48_000), 48_000, ends.of("b"))
    ends.wait(2)
    assert sum(map(len, output.taken)) == pytest.approx(32_000, abs=64)


def test_who_waits_for_an_end_may_play_the_next_or_fail(player, caplog):
    ends = Ends()

    def again():
        player.play(samples(0.1), 1_000, ends.of("second"))
        raise LookupError("of somebody else")

    player.play(samples(0.1), 1_000, again)
    ends.wait(1)
    assert "of somebody else" in caplog.text


def test_it_does_not_take_more_than_it_can_keep(player, output):
    output.open_gate.clear()
    player.play(samples(speaker.MAX_SECONDS - 1), 1_000)
    with pytest.raises(DeviceBusy, match="too much to say"):
        player.play(samples(2), 1_000)
    player.stop()


def test_the_device_is_given_back_when_nothing_was_played_for_a_while(player, output, monkeypatch):
    monkeypatch.setattr(speaker, "IDLE", 0.01)
    ends = Ends()
    player.play(samples(0.1), 1_000, ends.of("a"))
    ends.wait(1)
    for thread in threading.enumerate():
        if thread.name == "speaker":
            thread.join(PATIENCE)
    assert output.closed == 1
    player.play(samples(0.1), 1_000, ends.of("b"))
    ends.wait(2)
    assert output.opened == 2


def read(path):
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        return rate, np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def test_a_file_stands_for_a_speaker(tmp_path):
    player, ends = Player(FileOutput(tmp_path / "said.wav")), Ends()
    player.play(samples(0.1, 0.25, 22_050), 22_050, ends.of("a"))
    player.play(samples(0.2, 0.5, 22_050), 22_050, ends.of("b"))
    ends.wait(1)
    assert read(tmp_path / "said.wav")[0] == 22_050  # whole while it grows
    ends.wait(2)
    player.close()
    player.play(samples(0.1, 0.75, 22_050), 22_050, ends.of("c"))
    ends.wait(3)
    player.close()
    said = read(tmp_path / "said.wav")[1]
    assert np.unique(said.round(2)).tolist() == [0.25, 0.5, 0.75]
    assert len(said) == 2_205 + 4_410 + 2_205


def test_a_file_that_cannot_be_written(tmp_path):
    for path, why in ((tmp_path / "nowhere" / "a", "No such file or directory"), (Path("/dev/full"), "No space left")):
        with pytest.raises(DeviceMissing, match=rf"{path.name} cannot be written \({why}"):
            Player(FileOutput(path)).play(samples(0.1), 1_000)


def test_a_disk_that_fills_up_ends_what_is_played(tmp_path, monkeypatch):
    output = FileOutput(tmp_path / "said.wav")
    player, ends = Player(output), Ends()

    def full(_):
        raise OSError(28, "No space left on device")

    player.play(samples(5), 1_000, ends.of("a"))
    monkeypatch.setattr(output, "_write", full)
    ends.wait(1)
    assert not player.playing
    assert read(tmp_path / "said.wav")[0] == 1_000
