"""Bad moments: the rows of docs/bad-input.md under "Models and moments", tried with the real command."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import badfiles as bad
from helpers import pulled as made_up
from helpers import smalldisk, webserver
from helpers.commands import HANGS, Command, Documented, Here, Ran, documented, unprivileged
from helpers.scripted_resident import until

ASKED = "Which colour was the lamp?"
REMARK = b"The lamp was red when the temperature was 31.5 degC. Nothing else was seen on that day."
CONTENT = bytes(range(256)) * 40_000  # 10 MB of a made-up model
HALF = 5 << 20  # whole chunks, which are on the disk as soon as they have come

Promise = Callable[[str, Ran], None]


@pytest.fixture(scope="module")
def promised(pytestconfig: pytest.Config) -> dict[str, Documented]:
    return documented(pytestconfig.rootpath)["Models and moments"]


@pytest.fixture(scope="module")
def tried() -> set[str]:
    """The rows that tests of this module have tried."""
    return set()


@pytest.fixture
def holds(promised: dict[str, Documented], tried: set[str]) -> Promise:
    """Checks what a command did against what the docs promise for a row."""

    def check(given: str, ran: Ran) -> None:
        tried.add(given)
        row = promised[given]
        errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
        assert ran.status == row.status, ran
        assert row.is_in(errors if row.status else ran.lines), ran
        assert len(errors) == (row.status != 0), ran
        assert "Traceback" not in ran.err
        if ran.peak_mib is not None:
            assert ran.peak_mib < 1300

    return check


# models in the store


def linked(store: Path, folder: Path, damaged: str) -> Path:
    """The store with one bit of the largest file of one model flipped; everything else is a link."""
    for model in store.iterdir():
        if model.is_dir() and not model.name.startswith("."):
            (folder / model.name).mkdir(parents=True)
            for file in model.iterdir():
                (folder / model.name / file.name).symlink_to(file)
    file = max((folder / damaged).iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    return folder


def question(folder: Path) -> list[str | Path]:
    return [ASKED, "--text", bad.written(folder, "remark.txt", REMARK)]


def test_model_missing(here: Here, holds: Promise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path / "none"))
    holds("a language model that is not in the store", here("ask", *question(tmp_path)))
    sound = bad.written(tmp_path, "note.wav", bad.silence(1))
    holds("a model of speech that is not in the store", here("ask", ASKED, "--audio", sound))
    object = json.loads(here("ask", ASKED, "--audio", sound, "--json").out)
    assert object["error"]["code"] == "model.missing"


def test_bit_flipped(here: Here, holds: Promise, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(linked(store, tmp_path / "gguf", "smollm2-135m-instruct-q4_1")))
    holds("a language model with one bit flipped", here("ask", *question(tmp_path)))
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(linked(store, tmp_path / "onnx", "silero-vad")))
    sound = bad.written(tmp_path, "note.wav", bad.silence(1))
    holds("a model of speech with one bit flipped", here("ask", ASKED, "--audio", sound))


# pulling


@pytest.fixture
def web(home: Path) -> Iterator[webserver.Web]:
    """The server, and a catalog of the user's own whose model `mine` comes from it."""
    with webserver.serving() as server:
        server.files["/model.bin"] = CONTENT
        made_up.entry(home, CONTENT, f'type = "url"\nkey = "model"\nurl = "{server.address}/model.bin"\n')
        yield server


def starts(web: webserver.Web) -> list[int]:
    """Where each request started."""
    return [int((wanted or "bytes=0-")[6:-1]) for _, wanted, _ in web.seen]


@pytest.fixture
def pulled(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store; where the model `mine` will lie in it."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(home / "store"))
    return home / "store" / "mine" / "model.bin"


def partial(pulled: Path) -> Path:
    return pulled.parents[1] / ".partial" / "mine" / "model.bin"


def test_disk_full_while_pulling(command: Command, holds: Promise, web: webserver.Web, pulled: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not here")
    full = command("models", "pull", "--own", "mine", prefix=("prlimit", f"--fsize={HALF}"))
    holds("a disk that is full while a model is pulled", full)
    assert not pulled.exists()
    holds("the same pull again, with room", command("models", "pull", "--own", "mine"))
    assert starts(web) == [0, HALF]
    assert pulled.read_bytes() == CONTENT


def test_connection_cut_while_pulling(command: Command, holds: Promise, web: webserver.Web, pulled: Path) -> None:
    web.cuts = [HALF, *[0] * 9]
    holds("a connection that is cut while a model is pulled", command("models", "pull", "--own", "mine"))
    assert not pulled.exists()
    web.cuts = []
    holds("the same pull again, with the connection back", command("models", "pull", "--own", "mine"))
    assert starts(web)[-1] == HALF
    assert pulled.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("given", "sent"),
    [("Ctrl-C while a model is pulled", signal.SIGINT), ("a pull that is killed, and another", signal.SIGKILL)],
)
def test_pull_broken_off(
    given: str, sent: signal.Signals, command: Command, holds: Promise, web: webserver.Web, pulled: Path
) -> None:
    web.cuts, web.holds = [HALF], True
    process = command.start("models", "pull", "--own", "mine")
    until(lambda: partial(pulled).is_file() and partial(pulled).stat().st_size == HALF)
    process.send_signal(sent)
    out, err = process.communicate(timeout=HANGS)
    again = command("models", "pull", "--own", "mine")
    holds(given, again if sent is signal.SIGKILL else Ran(process.returncode, out, err, None))
    assert again.status == 0
    assert starts(web) == [0, HALF]
    assert pulled.read_bytes() == CONTENT


# the user and other processes


STORY = "Write a long story about a dog and a cat"


def recording(folder: Path) -> list[str | Path]:
    return [ASKED, "--audio", bad.long_recording(folder / "long.wav", 3600)]


@pytest.mark.parametrize(
    ("given", "arguments", "stream", "line"),
    [
        ("Ctrl-C while a recording is heard", recording, "stderr", "audio:1: speech"),
        ("Ctrl-C while the language model reads", question, "stderr", "the language model reads"),
        ("Ctrl-C while an answer is written", lambda folder: [STORY], "stdout", "\n"),
    ],
    ids=["hearing", "reading", "answering"],
)
def test_interrupted(
    given: str,
    arguments: Callable[[Path], list[str | Path]],
    stream: str,
    line: str,
    few_command: Command,
    holds: Promise,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    process = few_command.start("ask", *arguments(tmp_path))
    seen = ""
    while line not in seen:
        more = getattr(process, stream).readline()
        assert more, seen
        seen += more
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANGS)
    holds(given, Ran(process.returncode, out, err, None))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_two_processes_at_once(command: Command, holds: Promise, tmp_path: Path) -> None:
    both = [command.start("ask", *question(tmp_path)) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=HANGS)
        holds("two questions at once", Ran(process.returncode, out, err, None))


def test_two_pulls_at_once(command: Command, holds: Promise, web: webserver.Web, pulled: Path) -> None:
    web.cuts, web.holds = [HALF], True
    first = command.start("models", "pull", "--own", "mine")
    until(lambda: partial(pulled).is_file() and partial(pulled).stat().st_size == HALF)
    second = command.start("models", "pull", "--own", "mine")
    assert "waiting" in second.stderr.readline()
    web.stopped.set()
    for process in (first, second):
        out, err = process.communicate(timeout=HANGS)
        assert process.returncode == 0, err
    holds("two pulls of one model at once", Ran(second.returncode, out, err, None))
    assert pulled.read_bytes() == CONTENT


def test_folder_that_may_not_be_written(command: Command, holds: Promise, web: webserver.Web, pulled: Path) -> None:
    prefix = unprivileged()
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not here, and root may write everywhere")
    pulled.parents[1].mkdir()
    pulled.parents[1].chmod(0o555)
    holds("a store that may not be written", command("models", "pull", "--own", "mine", prefix=prefix))
    pulled.parents[1].chmod(0o755)


# the audit trail


def compared(folder: Path) -> list[str | Path]:
    note = bad.written(folder, "note.txt", b"Dose: 50 mg")
    return ["check", "--text", bad.written(folder, "form.txt", b"Dose: 5 mg"), "--text", note]


def test_a_disk_that_is_full_while_a_question_is_answered(
    command: Command, holds: Promise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smalldisk.mounted(tmp_path / "disk") as disk:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(disk))
        assert command(*compared(tmp_path)).status == 1
        filler = smalldisk.fill(disk)
        ran = command(*compared(tmp_path))
        holds("a disk that is full while a question is answered", ran)
        assert ran.out == ""
        filler.unlink()
        holds("the same question again, with room", command("ask", "Which dose is it?", *compared(tmp_path)[1:]))
        kinds = [row["kind"] for row in json.loads(command("audit", "show", "--json").out)["rows"]]
        assert kinds.count("stopped") == 1
        assert kinds[-2:] == ["answer", "checkpoint"]
        assert command("audit", "verify").status == 0


def test_an_audit_trail_that_may_not_be_written(command: Command, holds: Promise, home: Path, tmp_path: Path) -> None:
    prefix = unprivileged()
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not here, and root may write everywhere")
    assert command(*compared(tmp_path)).status == 1
    files = [*(home / "audit").iterdir(), home / "audit"]
    for file in files:
        file.chmod(0o555 if file.is_dir() else 0o444)
    ran = command(*compared(tmp_path), prefix=prefix)
    for file in files:
        file.chmod(0o700)
    holds("an audit trail that may not be written", ran)
    assert ran.out == ""


def test_an_audit_trail_that_is_damaged(here: Here, holds: Promise, home: Path, tmp_path: Path) -> None:
    (home / "audit").mkdir(mode=0o700)
    bad.written(home / "audit", "audit.db", b"no database " * 999)
    holds("an audit trail that is damaged", here(*compared(tmp_path)))


def test_every_row_has_been_tried(
    promised: dict[str, Documented], tried: set[str], request: pytest.FixtureRequest
) -> None:
    here = [item for item in request.session.items if item.path == request.path]
    if len(here) < 12 or request.session.testsfailed:
        pytest.skip("only a part of this module ran")
    assert tried == set(promised)
