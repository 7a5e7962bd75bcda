"""The one table of limits: its page is current, each is used, and beyond each is what the table says."""

from __future__ import annotations

import io
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import limits_table
import numpy as np
import pytest
import zxingcpp
from helpers import badfiles as bad
from helpers.engines import scripted, source
from PIL import Image, ImageDraw

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputTooLarge, PolicyInvalid, UsageError
from edge_assistant.core.events import Event, Noted
from edge_assistant.core.signals import SAMPLE_RATE, Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.devices.microphone import _Heard
from edge_assistant.governance.policy import policy_file
from edge_assistant.perception import audio, cells, csvfile, pdf, pictures, whisper
from edge_assistant.perception.csvfile import read_csv
from edge_assistant.perception.documents import ocr, sheets, ticks
from edge_assistant.perception.sense import Request
from edge_assistant.perception.senses import text
from edge_assistant.perception.senses.speech import SpeechSense
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.claims import Ledger, Standing
from edge_assistant.reasoning.comprehension import pairing
from edge_assistant.reasoning.readings import when
from edge_assistant.reasoning.sentences import check_question
from edge_assistant.session.assistant import Assistant
from edge_assistant_models import regular
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui.widgets.prompt import paths_in

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "tests" / "fixtures" / "speech" / "bottles.wav"

# where it is tested already that what the table says happens: file and test

Test = Callable[[pytest.MonkeyPatch], object]
HERE: dict[str, Test] = {}


def beyond(test: Test) -> Test:
    """The test of the limit that it is named after."""
    HERE[test.__name__] = test
    return test


def given(data: bytes, kind: Kind = Kind.TEXT) -> Signal:
    return take_bytes(data, kind, 1, origin=Origin.USER, name="given")


def table(content: str) -> tuple[Table, tuple[str, ...]]:
    data = content.encode()
    return read_csv(io.BytesIO(data), "log.csv", len(data))


def ask(*texts: str) -> tuple[list[str], list[str]]:
    """The evidence over texts, and the notes."""
    store = Portfolio(Path("no store"), Path("no catalog"))
    made = Assistant(store, "test", runtime=Runtime(1), engine=lambda model, runtime: scripted())
    events: list[Event] = []
    signals = [
        take_bytes(told.encode(), Kind.TEXT, number, origin=Origin.USER, name=f"text {number}")
        for number, told in enumerate(texts, 1)
    ]
    answer = made.check(signals, events.append)
    return [item.text for item in answer.evidence], [event.text for event in events if isinstance(event, Noted)]


# Lowered by a policy


@beyond
def file_bytes(patched: pytest.MonkeyPatch) -> None:
    with limits.lowered({"file_bytes": 9}), pytest.raises(InputTooLarge, match="10 bytes, over the limit of 9"):
        given(b"0123456789", Kind.IMAGE)
    with limits.lowered({"file_bytes": 9}), pytest.raises(InputTooLarge):
        given(b"0123456789")


@beyond
def text_bytes(patched: pytest.MonkeyPatch) -> None:
    with limits.lowered({"text_bytes": 9}), pytest.raises(InputTooLarge, match="10 bytes, over the limit of 9"):
        given(b"0123456789")
    given(b"0123456789", Kind.READINGS)


@beyond
def signals(patched: pytest.MonkeyPatch) -> None:
    with limits.lowered({"signals": 2}):
        ask("It rained.", "It was cold.")
        with pytest.raises(UsageError, match="3 signals, over the limit of 2"):
            ask("It rained.", "It was cold.", "The total was 12.50.")


@beyond
def evidence(patched: pytest.MonkeyPatch) -> None:
    told = "It rained.\n\nIt was cold.\n\nIt was dark.\n"
    whole, notes = ask(told, told)
    assert (len(whole), notes) == (6, [])
    with limits.lowered({"evidence": 4}):
        cut, notes = ask(told, told)
    assert cut == whole[:4]
    left = "Of text 2 only the first 1 of 3 pieces were read; the rest may say otherwise"
    assert notes == ["text 2: over 4 pieces of evidence in all, its last 2 are left out", left]


@beyond
def question_characters(patched: pytest.MonkeyPatch) -> None:
    with limits.lowered({"question_characters": 9}), pytest.raises(UsageError, match="10 characters"):
        check_question("0123456789")


@beyond
def picture_pixels(patched: pytest.MonkeyPatch) -> None:
    picture = given(bad.picture("PNG", 40, 30), Kind.IMAGE)
    with limits.lowered({"picture_pixels": 1_199}), pytest.raises(InputTooLarge, match=r"scale it below 0\.001199"):
        list(pictures.pages(picture))
    assert list(pictures.pages(picture))


@beyond
def pages(patched: pytest.MonkeyPatch) -> None:
    with limits.lowered({"pages": 2}):
        read = list(pictures.pages(given(bad.pdf(3), Kind.IMAGE)))
    assert [page.notes for page in read] == [(), ("given: the pages after 2 were not read",)]


@beyond
def sound_seconds(patched: pytest.MonkeyPatch) -> None:
    with limits.lowered({"sound_seconds": 1}), audio.listen(given(bad.silence(9), Kind.AUDIO)) as (sound, blocks):
        heard = sum(map(len, blocks)) / SAMPLE_RATE
    assert heard < 3
    assert sound.notes == ["given: only the first 1 seconds were heard"]


# Constants of their modules


@beyond
def policy_bytes(patched: pytest.MonkeyPatch) -> None:
    found = policy_file.problems(b"#" * limits.POLICY_BYTES.value)
    assert not isinstance(found, list)
    patched.setattr(regular, "opened", lambda path: io.BytesIO(b"#" * (limits.POLICY_BYTES.value + 1)))
    with pytest.raises(PolicyInvalid, match="over 65,536 bytes"):
        policy_file.read(Path("policy.toml"))


@beyond
def picture_side(patched: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.new("1", (65_536, 1)).save(stream, "PNG")
    with pytest.raises(InputTooLarge, match="65,536 x 1 pixels"):
        list(pictures.pages(given(stream.getvalue(), Kind.IMAGE)))


@beyond
def page_lines(patched: pytest.MonkeyPatch) -> None:
    page = np.zeros((100, 100), np.float32)
    page[10:20, 10:90] = page[30:40, 10:60] = page[50:60, 10:30] = 1
    assert len(ocr._outlines(page)) == 3
    patched.setattr(ocr, "MAX_LINES", 2)
    assert len(ocr._outlines(page)) == 2


@beyond
def page_runs(patched: pytest.MonkeyPatch) -> None:
    document = given(bad.pdf(1), Kind.IMAGE)
    assert next(iter(pictures.pages(document))).text_layer
    patched.setattr(pdf, "_MAX_RUNS", 0)
    page = next(iter(pictures.pages(document)))
    assert (page.text_layer, page.rgb.ndim) == (None, 3)


@beyond
def page_marks(patched: pytest.MonkeyPatch) -> None:
    page = Image.new("L", (400, 120), "white")
    draw = ImageDraw.Draw(page)
    for x in (40, 140, 240):
        draw.rectangle((x, 40, x + 26, 66), outline="black", width=2)
    assert len(ticks._boxes(np.asarray(page), 34.0)) == 3
    patched.setattr(ticks, "_MAX_MARKS", 2)
    assert len(ticks._boxes(np.asarray(page), 34.0)) == 2


def coded(*contents: str) -> np.ndarray:
    """White paper with codes side by side."""
    page = np.full((300, 300 * len(contents), 3), 255, np.uint8)
    for number, content in enumerate(contents):
        made = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode)
        image = np.array(zxingcpp.write_barcode_to_image(made, scale=4))
        page[40 : 40 + image.shape[0], 300 * number + 40 : 300 * number + 40 + image.shape[1]] = image[..., None]
    return page


@beyond
def page_codes(patched: pytest.MonkeyPatch) -> None:
    page = coded("one", "two")
    assert len(sheets.codes(page)) == 2
    patched.setattr(sheets, "_MAX_CODES", 1)
    assert len(sheets.codes(page)) == 1


@beyond
def code_characters(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(sheets, "_MAX_CONTENT", 5)
    assert [code.content for code, _ in sheets.codes(coded("0123456789"))] == ["01234"]


@beyond
def broken_packets(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(audio, "_MAX_BROKEN_PACKETS", 2)
    frames_: list[object] = [None] * 9
    taken: list[object] = []

    def packets(container: object, stream: object) -> object:
        for frame in frames_:
            taken.append(frame)
            yield frame

    patched.setattr(audio, "decoded", packets)
    with pytest.raises(InputCorrupt), audio.listen(given(bad.silence(1), Kind.AUDIO)) as (_, blocks):
        list(blocks)
    assert len(taken) == 3


@beyond
def readings_columns(patched: pytest.MonkeyPatch) -> None:
    head = ",".join(["time", *(f"c{n}" for n in range(501))])
    with pytest.raises(InputTooLarge, match="501 columns, over the limit of 500"):
        table(f"{head}\n2025-01-01T00:00:00{',1' * 501}\n")


@beyond
def readings_ragged(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(csvfile, "MAX_RAGGED", 3)
    with pytest.raises(InputCorrupt, match="over 3 rows whose cells do not fit its header"):
        table("time,a\n" + "2025-01-01T00:00:00,1\n" * 4 + "2025-01-01T00:01:00,1,2,3\n" * 9)


@beyond
def readings_states(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(cells, "MAX_STATES", 3)
    rows = "".join(f"2025-01-01T00:0{n}:00,1,word {chr(97 + n)}\n" for n in range(9))
    _, notes = table(f"time,a,b\n{rows}")
    assert any("over 3 different texts: left out" in note for note in notes)


@beyond
def readings_name(patched: pytest.MonkeyPatch) -> None:
    assert [len(column.name) for column in table(f"time,{'x' * 300}\n2025-01-01T00:00:00,1\n")[0].columns] == [200]


@beyond
def readings_unit(patched: pytest.MonkeyPatch) -> None:
    for length in (32, 33):
        found, _ = table(f"time,a [{'x' * length}]\n2025-01-01T00:00:00,1\n")
        assert [column.unit for column in found.columns] == ["x" * 32 if length == 32 else None]


@beyond
def passage_characters(patched: pytest.MonkeyPatch) -> None:
    lengths = [b - a for a, b in text.passages("word " * 500)]
    assert (len(lengths) > 4, max(lengths) <= 600) == (True, True)


@beyond
def searched_characters(patched: pytest.MonkeyPatch) -> None:
    for found, length in ((True, 100), (False, limits.SEARCHED_CHARACTERS.value)):
        assert bool(when.whens("x" * length + " at half past ten")) is found


@beyond
def claims(patched: pytest.MonkeyPatch) -> None:
    assert len(pairing.statements(weights := source(["A box of 1 kg and one of 2 kg.", "Lid: 3 kg"]))) == 3
    patched.setattr(pairing, "CLAIMS", replace(limits.CLAIMS, value=2))
    assert [statement.words for statement in pairing.statements(weights)] == ["1 kg", "2 kg"]


@beyond
def statements(patched: pytest.MonkeyPatch) -> None:
    found, _ = table("time,a [kg]\n2025-01-01T00:00:00,1\n")
    sources = [(source(["1 kg, 2 kg"]), Standing.PLAIN), (source([], number=2, table=found), Standing.PLAIN)]
    engine, asked = scripted(reply=lambda prompt, options: "none"), list[int]()
    for most in (2, 1):
        patched.setattr(pairing, "STATEMENTS", replace(limits.STATEMENTS, value=most))
        assert not [*pairing.Pairing(lambda: engine, lambda: None, print).pairs(sources, Ledger(0, [], []))]
        asked.append(len(engine.prompts))
    assert asked == [2, 3]


@beyond
def microphone_seconds(patched: pytest.MonkeyPatch) -> None:
    heard = _Heard(100, "microphone")
    for n in range(30):
        heard.put(np.full((10, 2), n, np.float32))
    assert (heard._length, heard._parts[0][0]) == (100, 20)


@beyond
def dropped_paths(patched: pytest.MonkeyPatch) -> None:
    given = [str(ROOT / "README.md")] * 32
    assert len(paths_in(" ".join(given))) == 32
    assert paths_in(" ".join([*given, given[0]])) == ()


@pytest.mark.parametrize("name", sorted(HERE))
def test_beyond_a_limit_is_what_the_table_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    HERE[name](monkeypatch)


def test_no_more_tokens_of_speech_are_written_down(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    sense = SpeechSense({"speech": models("speech"), "vad": models("vad")}, Runtime.detect())
    monkeypatch.setattr(whisper, "MAX_TOKENS", 4)
    heard = sense.perceive(take_file(SPEECH, Kind.AUDIO, 1), Request("en"))
    assert sum(len(item.text.split()) for item in heard.evidence) <= 4 * len(heard.evidence)


def test_the_page_is_what_the_table_says() -> None:
    assert limits_table.FILE.read_text("utf-8") == limits_table.page(), "run 'python tools/limits_table.py'"
    assert limits_table.FIXED_FILE.read_text("utf-8") == limits_table.fixed_page(), "run 'python tools/limits_table.py'"


def test_each_limit_is_looked_at_and_stands_nowhere_else() -> None:
    command = ["git", "ls-files", "edge_assistant", "tui/edge_assistant_tui"]
    listed = subprocess.check_output(command, cwd=ROOT, text=True)
    code = {name: (ROOT / name).read_text("utf-8") for name in listed.split() if name.endswith(".py")}
    del code["edge_assistant/core/limits.py"]
    found = {pair for text in code.values() for pair in re.findall(r"\b([A-Z_]+)\.(now|value)\b", text)}
    for name, limit in limits.table().items():
        used = {how for what, how in found if what == name.upper()}
        assert used, name
        assert ("now" in used) == limit.lowers, name


def test_a_limit_is_lower_for_a_while_and_in_every_thread() -> None:
    seen: list[int] = []
    with limits.lowered({"pages": 3}):
        with limits.lowered({"signals": 2}):
            thread = threading.Thread(target=lambda: seen.append(limits.PAGES.now))
            thread.start()
            thread.join()
            assert limits.SIGNALS.now == 2
        assert (limits.PAGES.now, limits.SIGNALS.now) == (3, limits.SIGNALS.value)
    assert (seen, limits.PAGES.now) == ([3], limits.PAGES.value)
