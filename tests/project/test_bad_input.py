"""Every row of the README's table of bad input, tried with the real command: status, line, memory."""

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest

MOST_MEMORY = 1 << 31  # bytes resident; models of the profile `test` included
TIME_LIMIT_S = 120  # generous: what hangs is meant, not what is slow
ROW = re.compile(r"^\| ([^|]+) \| (\d+) \| ([^|]+) \|$", re.M)
READ = "What was the highest voltage?"


def rows(root: Path) -> list[tuple[str, int, list[str]]]:
    """What is given, the status, and the words that stand on stderr or stdout."""
    section = (root / "README.md").read_text("utf-8").split("## What bad input gets")[1].split("\n## ")[0]
    return [(given, int(status), re.findall(r"`([^`]+)`", said)) for given, status, said in ROW.findall(section)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "given" in metafunc.fixturenames:
        metafunc.parametrize(
            ("given", "status", "said"), rows(metafunc.config.rootpath), ids=lambda value: str(value)[:40]
        )


def tone(path: Path, seconds: float = 1.0) -> Path:
    samples = (np.sin(np.arange(int(16000 * seconds)) * 0.2) * 8000).astype("<i2")
    return wav(path, samples)


def wav(path: Path, samples) -> Path:
    with wave.open(str(path), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(16000)
        sink.writeframes(samples.tobytes())
    return path


def lying(path: Path) -> Path:
    """A header that claims four gigabytes."""
    content = bytearray(tone(path).read_bytes())
    content[4:8], content[40:44] = struct.pack("<I", 2**32 - 1), struct.pack("<I", 2**32 - 37)
    path.write_bytes(content)
    return path


def picture(path: Path, keep: int | None = None) -> Path:
    from PIL import Image

    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    return path


def animation(path: Path) -> Path:
    from PIL import Image

    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


def huge(path: Path) -> Path:
    """A header of 60,000 x 60,000 pixels over next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def text(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


GOOD = "time,voltage [V]\n2025-01-01T00:00:00,1.5\n2025-01-01T00:01:00,1.7\n"
RAGGED = "time,voltage [V]\n2025-01-01T00:00:00,1.5\n2025-01-01T00:01:00\n2025-01-01T00:02:00,1.7,3\n"
ZONES = "time,voltage [V]\n2025-01-01T00:00:00+01:00,1.5\n2025-01-01T00:01:00Z,1.7\n"
WORDS = "time,state\n2025-01-01T00:00:00,on\n2025-01-01T00:01:00,off\n"

# what is given: the question and the arguments, made in a folder
GIVEN = {
    "a path that does not exist": lambda d: (READ, "--image", d / "nowhere.jpg"),
    "a directory": lambda d: (READ, "--image", d),
    "an empty file": lambda d: (READ, "--image", text(d / "empty.jpg", "")),
    "a file without permission": lambda d: (READ, "--readings", forbidden(d / "secret.csv")),
    "a truncated JPEG": lambda d: (READ, "--image", picture(d / "cut.jpg", 4000)),
    "a PNG of 60,000 x 60,000 pixels": lambda d: (READ, "--image", huge(d / "huge.png")),
    "an animated GIF": lambda d: (READ, "--image", animation(d / "moving.gif"), "--readings", text(d / "v.csv", GOOD)),
    "a picture given as a recording": lambda d: (READ, "--audio", picture(d / "picture.png")),
    "a WAV whose header claims 4 GiB": lambda d: (READ, "--audio", lying(d / "lying.wav")),
    "a recording of 0 s": lambda d: (READ, "--audio", wav(d / "nothing.wav", np.zeros(0, "<i2"))),
    "silence": lambda d: (READ, "--audio", wav(d / "silence.wav", np.zeros(320_000, "<i2"))),
    "CSV without a header": lambda d: (READ, "--readings", text(d / "bare.csv", GOOD.partition("\n")[2])),
    "ragged CSV": lambda d: (READ, "--readings", text(d / "ragged.csv", RAGGED)),
    "CSV with mixed time zones": lambda d: (READ, "--readings", text(d / "zones.csv", ZONES)),
    "CSV without numbers": lambda d: (READ, "--readings", text(d / "words.csv", WORDS)),
    "UTF-16 text": lambda d: (READ, "--text", text(d / "wide.txt", "\ufeffNothing.".encode("utf-16-le"))),
    "binary given as text": lambda d: (READ, "--text", text(d / "binary.txt", bytes(range(256)))),
    "an empty question": lambda d: (" ", "--readings", text(d / "v.csv", GOOD)),
    "a question of 100,000 characters": lambda d: ("x " * 50_000, "--readings", text(d / "v.csv", GOOD)),
    "a file name with a newline": lambda d: (READ, "--readings", text(d / "two\nlines.csv", GOOD)),
    "a file name that is not UTF-8": lambda d: (READ, "--readings", text(d / os.fsdecode(b"\xff\xfe.csv"), GOOD)),
    "`-` twice": lambda d: (READ, "--text", "-", "--text", "-"),
    "one damaged signal among good ones": lambda d: (
        *(READ, "--image", text(d / "empty.jpg", "")),
        *("--readings", text(d / "v.csv", GOOD)),
    ),
    "the same with `--strict`": lambda d: (
        *(READ, "--image", text(d / "empty.jpg", "")),
        *("--readings", text(d / "v.csv", GOOD), "--strict"),
    ),
    "a model that is missing": lambda d: (READ, "--audio", tone(d / "tone.wav")),
    "a model with one bit flipped": lambda d: (READ, "--audio", tone(d / "tone.wav")),
}


def forbidden(path: Path) -> Path:
    text(path, GOOD).chmod(0)
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "edge_assistant.cli.main", *map(str, arguments)]


def without_privileges(arguments: list[str]) -> list[str]:
    """Root may read everything; without its capabilities it may not."""
    if os.geteuid() != 0:
        return arguments
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *arguments]


@pytest.fixture
def environment(store, home):
    return {**os.environ, "EDGE_ASSISTANT_MODELS": str(store), "EDGE_ASSISTANT_PROFILE": "test", "NO_COLOR": "1"}


def damaged_store(store: Path, folder: Path) -> Path:
    """The store with one bit of the voice activity detector flipped; everything else is a link."""
    folder.mkdir()
    for model in store.iterdir():
        if model.is_dir() and model.name != "silero-vad":
            (folder / model.name).symlink_to(model)
    shutil.copytree(store / "silero-vad", folder / "silero-vad")
    (file,) = (folder / "silero-vad").glob("*.onnx")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return folder


def test_each_row(given, status, said, tmp_path, store, environment):
    folder = tmp_path / "given"
    folder.mkdir()
    question, *arguments = GIVEN[given](folder)
    if given == "a model that is missing":
        environment["EDGE_ASSISTANT_MODELS"] = str(tmp_path / "none")
    if given == "a model with one bit flipped":
        environment["EDGE_ASSISTANT_MODELS"] = str(damaged_store(store, tmp_path / "models"))
    run = without_privileges(command("ask", question, *arguments))
    with (tmp_path / "out").open("w+") as out:
        process = subprocess.Popen(run, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        found, usage = wait(process)
        out.seek(0)
        printed = out.read()
    assert found == status, printed
    assert [words for words in said if words not in printed] == [], printed
    assert "Traceback" not in printed
    assert usage < MOST_MEMORY


def wait(process: subprocess.Popen) -> tuple[int, int]:
    """Status and largest resident size in bytes."""
    deadline = time.monotonic() + TIME_LIMIT_S
    while time.monotonic() < deadline:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss * 1024
        time.sleep(0.02)
    process.kill()
    pytest.fail("the command does not end")


def test_the_table_and_this_file_have_the_same_rows(root):
    assert [given for given, _, _ in rows(root)] == list(GIVEN)


def test_interrupted_while_perceiving(tmp_path, environment):
    run = command("ask", READ, "--audio", tone(tmp_path / "long.wav", 1800))
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert "speech" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 130
    assert printed.splitlines()[-1] == "error: interrupted - run the command again to start over"


def test_two_processes_at_once(tmp_path, environment):
    run = command("ask", READ, "--readings", text(tmp_path / "v.csv", GOOD))
    both = [subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) for _ in range(2)]
    answers = [process.communicate(timeout=TIME_LIMIT_S)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert all(b"1.7 V" in answer for answer in answers)
