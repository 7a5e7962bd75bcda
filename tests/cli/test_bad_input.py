"""What bad input gets: the rows of docs/bad-input.md that are about what is given, tried with the real command."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import badfiles as bad
from helpers.commands import HANGS, Command, Documented, Here, documented, unprivileged

ASKED = "What was the maximum temperature?"
GOOD = b"time,temperature [degC]\n2025-01-01T00:00:00,20.5\n2025-01-01T00:01:00,31.5\n"
ANSWER = "31.5 degC [C1][E6], by the readings."

OURS = re.compile(r"error: |thinking \.\.\.$|(image|audio|video|readings|text):\d+: ")  # else a library printed it

LIGHT = 400  # MiB: Python, what looks at a file, Whisper tiny or columns, and the embedder
HEAVY = 1300  # and what looks at pictures, or much of a signal at once

Arguments = Callable[[Path], Sequence[str | Path]]


@dataclass(frozen=True)
class Row:
    """How a row of the docs is tried.

    Attributes:
        arguments: makes the files in a folder and returns what follows `ask`.
        peak_mib: memory that the process may hold.
        bench: whether it takes longer than tests may.
        prefix: what starts the command.
    """

    arguments: Arguments
    peak_mib: int = LIGHT
    bench: bool = False
    prefix: Sequence[str] = ()


def file(option: str, name: str | bytes, content: bytes | Callable[[], bytes]) -> Arguments:
    """A question over one file."""

    def arguments(folder: Path) -> list[str | Path]:
        return [ASKED, option, bad.written(folder, name, content() if callable(content) else content)]

    return arguments


def text(*words: str) -> Arguments:
    """Words that need no file."""
    return lambda folder: words


def beside_good(make: Arguments, *options: str) -> Arguments:
    """The same beside readings that are in order."""
    return lambda folder: [*make(folder), "--readings", bad.written(folder, "good.csv", GOOD), *options]


def special(make: Callable[[Path], None], name: str) -> Arguments:
    """A question over something in a folder that is no file."""

    def arguments(folder: Path) -> list[str | Path]:
        make(folder / name)
        return [ASKED, "--text", folder / name]

    return arguments


def locked(folder: Path) -> list[str | Path]:
    path = bad.written(folder, "secret.csv", GOOD)
    path.chmod(0)
    return [ASKED, "--readings", path]


def shell(redirection: str) -> tuple[str, ...]:
    return "sh", "-c", f'exec "$@" {redirection}', "sh"


def table(*lines: str) -> bytes:
    return "\n".join(lines).encode() + b"\n"


EMPTY = file("--image", "empty.jpg", b"")

ROWS = {
    # the command line
    "an empty question": Row(text(" ")),
    "a question of 100,000 characters": Row(text("why " * 25_000)),
    "a question that is not UTF-8": Row(
        lambda f: [os.fsdecode(b"\xff " + ASKED.encode()), "--readings", bad.written(f, "good.csv", GOOD)]
    ),
    "no question": Row(text()),
    "an unknown option": Row(text(ASKED, "--picture", "a.png")),
    "an unknown profile": Row(text(ASKED, "--profile", "huge")),
    "`-` twice": Row(text(ASKED, "--text", "-", "--text", "-")),
    # files
    "a path that does not exist": Row(text(ASKED, "--image", "nowhere.jpg")),
    "a path through a file": Row(lambda f: [ASKED, "--text", bad.written(f, "good.csv", GOOD) / "more.txt"]),
    "a file name of 5,000 characters": Row(text(ASKED, "--text", "x" * 5000)),
    "a directory": Row(special(Path.mkdir, "folder")),
    "an empty file": Row(EMPTY),
    "a file without permission": Row(locked, prefix=unprivileged()),
    "a symbolic link that leads to itself": Row(special(lambda path: path.symlink_to(path), "loop")),
    "a named pipe": Row(special(os.mkfifo, "pipe")),
    "a device": Row(text(ASKED, "--text", "/dev/zero")),
    "a file name with a newline": Row(file("--readings", "two\nlines.csv", b"")),
    "a file name that is not UTF-8": Row(file("--readings", b"caf\xe9.csv", b"")),
    "a file name that would colour the terminal": Row(file("--readings", "\x1b[31mred.csv", b"")),
    # pictures
    "a truncated JPEG": Row(file("--image", "cut.jpg", lambda: bad.picture("JPEG")[:9000])),
    "a PNG of 60,000 x 60,000 pixels": Row(file("--image", "huge.png", bad.png_that_declares(60_000, 60_000))),
    "a PNG that is 100,000 pixels wide": Row(file("--image", "wide.png", bad.png_that_declares(100_000, 10))),
    "a damaged TIFF": Row(file("--image", "fax.tif", bad.damaged_tiff)),
    "a PNG cut off behind its header": Row(file("--image", "head.png", bad.png_that_declares(640, 480))),
    "a recording given as a picture": Row(file("--image", "note.wav", lambda: bad.silence(1))),
    "a spreadsheet given as a picture": Row(file("--image", "book.xlsx", bad.archive)),
    "a HEIC picture": Row(file("--image", "phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000))),
    "a PDF with a password": Row(file("--image", "locked.pdf", lambda: bad.pdf(1, locked=True))),
    "a PDF that breaks off": Row(file("--image", "cut.pdf", lambda: bad.pdf(2)[:40])),
    "a PDF of 10,000 pages": Row(file("--image", "thick.pdf", lambda: bad.pdf(10_000)), HEAVY),
    "an animated GIF": Row(beside_good(file("--image", "moving.gif", bad.animation)), HEAVY),
    "a picture of one pixel": Row(beside_good(file("--image", "dot.png", lambda: bad.picture("PNG", 1, 1))), HEAVY),
    "a picture of 300 MB": Row(
        beside_good(lambda f: [ASKED, "--image", bad.black_bitmap(f / "wall.bmp", 10_000)]), 1800, bench=True
    ),
    # recordings and video
    "a picture given as a recording": Row(file("--audio", "photo.png", lambda: bad.picture("PNG"))),
    "a WAV that declares more than there is": Row(
        file("--audio", "cut.wav", bad.wav_that_declares(data_bytes=9_000_000))
    ),
    "a WAV that declares less than there is": Row(file("--audio", "more.wav", bad.wav_that_declares(data_bytes=1000))),
    "a WAV of unknown length, as programs write to a pipe": Row(
        file("--audio", "piped.wav", bad.wav_that_declares(data_bytes=0xFFFFFFFF - 36))
    ),
    "a WAV without channels": Row(file("--audio", "none.wav", bad.wav_that_declares(channels=0))),
    "a WAV of 65,535 channels": Row(file("--audio", "many.wav", bad.wav_that_declares(channels=65_535))),
    "a WAV of one sample a second": Row(file("--audio", "slow.wav", bad.wav_that_declares(rate=1))),
    "a WAV of 4 GHz": Row(file("--audio", "fast.wav", bad.wav_that_declares(rate=4_000_000_000))),
    "a recording of 0 s": Row(file("--audio", "nothing.wav", lambda: bad.silence(0))),
    "silence": Row(file("--audio", "silence.wav", lambda: bad.silence(5))),
    "5 minutes of sound": Row(lambda f: [ASKED, "--audio", bad.long_recording(f / "long.wav", 300)], HEAVY),
    "three hours of sound": Row(
        lambda f: [ASKED, "--audio", bad.long_recording(f / "day.wav", 10_800)], HEAVY, bench=True
    ),
    "a picture given as a video": Row(file("--video", "photo.png", lambda: bad.picture("PNG"))),
    "a video without pictures": Row(lambda f: [ASKED, "--video", bad.sound_only(f / "dark.mp4")]),
    # readings
    "CSV without a header": Row(file("--readings", "bare.csv", GOOD.partition(b"\n")[2])),
    "CSV with a header only": Row(file("--readings", "head.csv", b"time,temperature\n")),
    "CSV of one column": Row(file("--readings", "one.csv", b"time\n2025-01-01\n")),
    "CSV without times": Row(file("--readings", "names.csv", b"name,temperature\nA,1\nB,2\n")),
    "CSV without numbers": Row(
        file("--readings", "words.csv", table("time,state", "2025-01-01T00:00,on", "2025-01-01T00:01,off")), HEAVY
    ),
    "CSV with empty cells only": Row(
        file("--readings", "gaps.csv", table("time,temperature", "2025-01-01T00:00,", "2025-01-01T00:01,"))
    ),
    "ragged CSV": Row(file("--readings", "ragged.csv", GOOD + b"2025-01-01T00:02:00\n2025-01-01T00:03:00,1,2\n")),
    "CSV with mixed time zones": Row(
        file("--readings", "zones.csv", table("time,temperature", "2025-01-01T00:00+01:00,1", "2025-01-01T00:01Z,2")),
    ),
    "a spreadsheet given as readings": Row(file("--readings", "book.xlsx", bad.archive)),
    "a million rows": Row(lambda f: [ASKED, "--readings", bad.many_rows(f / "year.csv", 1_000_000)], 500),
    "10 million rows": Row(
        lambda f: [ASKED, "--readings", bad.many_rows(f / "years.csv", 10_000_000)], 1500, bench=True
    ),
    # text
    "UTF-16 text": Row(file("--text", "wide.txt", "The maximum temperature was 31.5 degC.".encode("utf-16")), HEAVY),
    "UTF-16 text without its mark": Row(file("--text", "wide.txt", "31.5 degC".encode("utf-16-le"))),
    "Latin-1 text": Row(file("--text", "latin.txt", "20 °C".encode("latin-1"))),
    "binary given as text": Row(file("--text", "binary.txt", bytes(range(256)) * 20)),
    "a spreadsheet given as text": Row(file("--text", "book.xlsx", bad.archive)),
    "text of white space": Row(file("--text", "blank.txt", b" \n\n \n")),
    "text of 17 MB": Row(file("--text", "book.txt", b"word and " * 2_000_000)),
    "standard input that is empty": Row(text(ASKED, "--text", "-")),
    # several
    "a damaged signal beside a good one": Row(beside_good(EMPTY)),
    "the same with `--strict`": Row(beside_good(EMPTY, "--strict")),
    "two damaged signals": Row(lambda f: [*EMPTY(f), "--text", bad.written(f, "blank.txt", b" ")]),
    # streams
    "standard input closed": Row(text(ASKED, "--text", "-"), prefix=shell("<&-")),
    "error output closed": Row(beside_good(text(ASKED)), prefix=shell("2>&-")),
    "output on a full disk": Row(beside_good(text(ASKED)), prefix=shell(">/dev/full")),
    "a terminal that shows ASCII only": Row(
        text(ASKED, "--text", "größe.txt"), prefix=("env", "PYTHONIOENCODING=ascii")
    ),
}

ALONE = {  # tried in a process of their own, whose memory is looked at: what is long, declares much, or has no end
    "a PDF of 10,000 pages",
    "5 minutes of sound",
    "a million rows",
    "a device",
    "a PNG of 60,000 x 60,000 pixels",
    "a PNG that is 100,000 pixels wide",
    "a damaged TIFF",
    "a WAV of 65,535 channels",
    "a WAV of 4 GHz",
    "text of 17 MB",
}
ALONE_IN_BENCH = {  # the same with `make bench`: what loads models or decoders
    "an animated GIF",
    "a picture of one pixel",
    "CSV without numbers",
    "UTF-16 text",
    "a truncated JPEG",
    "a PNG cut off behind its header",
    "a recording given as a picture",
    "a PDF with a password",
    "a PDF that breaks off",
    "a picture given as a recording",
    "a WAV that declares more than there is",
    "a WAV of unknown length, as programs write to a pipe",
    "silence",
    "a picture given as a video",
    "a video without pictures",
    "ragged CSV",
    "a spreadsheet given as readings",
    "a spreadsheet given as text",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each row as text, and as JSON where that is quick; with `make bench` more of them alone and as JSON.

    The object of an error is made of the message that the text has, whatever read the file.
    """
    read = ALONE | ALONE_IN_BENCH | {"output on a full disk"}
    if "given" in metafunc.fixturenames:
        metafunc.parametrize(
            ("given", "kind"),
            [
                pytest.param(given, kind, id=f"{given}-{kind}", marks=[pytest.mark.bench] * (row.bench or bench))
                for given, row in ROWS.items()
                for kind, tried, bench in (
                    ("text", True, False),
                    ("json", row.peak_mib == LIGHT, given in read),
                    ("alone", given in ALONE_IN_BENCH, True),
                )
                if tried
            ],
        )


@pytest.fixture(scope="module")
def promised(pytestconfig: pytest.Config) -> dict[str, Documented]:
    """What the docs say of what is given, whatever the heading, but for models and moments."""
    sections = documented(pytestconfig.rootpath)
    return {
        given: row for title, rows in sections.items() if title != "Models and moments" for given, row in rows.items()
    }


def test_the_docs_have_the_same_rows(promised: dict[str, Documented]) -> None:
    assert [(given, row.long) for given, row in promised.items()] == [(given, row.bench) for given, row in ROWS.items()]


def test_each_row(
    given: str,
    kind: str,
    promised: dict[str, Documented],
    command: Command,
    here: Here,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))  # as a process of its own has it
    row, told, as_json = ROWS[given], promised[given], kind == "json"
    if row.prefix and shutil.which(row.prefix[0]) is None:
        pytest.skip(f"{row.prefix[0]} is not here, and root may read every file")
    arguments = ["ask", *row.arguments(tmp_path), *["--json"] * as_json]
    if row.prefix or row.bench or kind == "alone" or (given in ALONE and not as_json):
        ran = command(*arguments, prefix=row.prefix, hangs=HANGS * (5 if row.bench else 1))
    else:
        ran = here(*arguments)  # a process of its own costs a second, and shows what it holds
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert ran.status == told.status, ran
    assert "Traceback" not in ran.err
    assert len(errors) == (told.status != 0), ran
    if ran.peak_mib is not None:
        assert ran.peak_mib < row.peak_mib
    assert [line for line in ran.err.splitlines() if not OURS.match(line)] == []
    if told.status:
        assert told.is_in(errors), ran
    elif not as_json:
        assert told.is_in(ran.lines), ran
    if as_json and told.status != 6:
        check_object(json.loads(ran.out), errors)
    elif told.status:
        assert ran.out == ""


def check_object(found: dict[str, object], errors: list[str]) -> None:
    """The one object on stdout says what the line says, or answers."""
    if errors:
        assert list(found) == ["error"]
        (line,) = (error.encode("ascii", "backslashreplace") for error in errors)  # as a terminal of ASCII shows it
        told = f"error: {found['error']['message']} - {found['error']['hint']}"
        assert line == told.encode("ascii", "backslashreplace")
        assert found["error"]["code"]
    else:
        assert found["status"] in {"supported", "conflict", "not_in_evidence"}


def test_output_closed_or_cut_off(command: Command, tmp_path: Path) -> None:
    arguments = beside_good(text(ASKED))(tmp_path)
    nowhere = command("ask", *arguments, prefix=shell(">&-"))
    first = command("ask", *arguments, prefix=("sh", "-c", '"$@" | head -n 1', "sh"))
    nobody = command("ask", *arguments, prefix=("sh", "-c", '{ "$@"; echo $? >&2; } | true', "sh"))
    assert (nowhere.status, nowhere.out) == (0, "")
    assert first.out == f"{ANSWER}\n"
    assert nobody.err.splitlines()[-1] == "130"
    for ran in (nowhere, first, nobody):
        assert "rror" not in ran.err
        assert "Traceback" not in ran.err
