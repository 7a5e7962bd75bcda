"""What was perceived is recalled by its bytes, in this process and, of a file, in the next; what decides it counts."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute import gpus
from edge_assistant.compute.accelerators import OFF
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputError, InputMissing, InputUnreadable, ModelMissing, Stopped
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.perception import recall as cache
from edge_assistant.perception.recall import OnDisk, Recall
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.table import Column, Table
from edge_assistant.session.assistant import Assistant
from edge_assistant.vault import caches
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import Vault
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio

MODELS = {"speech": InstalledModel("whisper", "a" * 64, {}, {"family": "base"})}


@pytest.fixture
def vault(home: Path) -> Vault:
    vault = Vault()
    assert vault.place
    return vault


@dataclass
class Sense:
    """Perceives a file's bytes as one text; counts how often."""

    notes: tuple[str, ...] = ()
    error: Exception | None = None
    during: Callable[[], object] = lambda: None
    asked: list[str] = field(default_factory=list)

    def __call__(self, given: Signal, request: Request) -> Percept:
        self.asked.append(given.id)
        if self.error is not None:
            raise self.error
        text = given.read().decode()
        self.during()
        return Percept((Evidence("", given.id, text, 0.5, Locator(), Passage()),), notes=self.notes)


def process(vault: Vault, worth_s: float = 0.0, card: str = OFF) -> Recall:
    """What a new process recalls with."""
    return Recall(disk=OnDisk(SealedCache("evidence", 1 << 20, Vault(vault.folder)), worth_s, card))


def hear(vault: Vault, sense: Callable[..., Percept], given: Signal, **how: Any) -> Percept:
    """What a new process recalls, or perceives."""
    return process(vault, **how).perceiver("speech", sense, MODELS)(given, Request())


def file(folder: Path, data: bytes = b"none", name: str = "note.wav", number: int = 1) -> Signal:
    (folder / name).write_bytes(data)
    return take_file(folder / name, Kind.AUDIO, number)


def test_the_next_process_perceives_nothing(vault: Vault, tmp_path: Path) -> None:
    sense = Sense()
    made = hear(vault, sense, file(tmp_path))
    found = hear(vault, sense, file(tmp_path, number=2))
    assert sense.asked == ["audio:1"]
    assert made.evidence[0] == replace(found.evidence[0], signal="audio:1")
    assert found.evidence[0].signal == "audio:2"
    assert b"none" not in b"".join(path.read_bytes() for path in (caches.sealed_dir() / "evidence").iterdir())
    recalled = process(vault).perceiver("speech", sense, MODELS)
    recalled(file(tmp_path), Request())
    caches.forget_all(vault)
    assert recalled(file(tmp_path), Request()).evidence[0].text == "none"
    assert len(sense.asked) == 1, "within a process the disk is not asked again"
    assert caches.kept_bytes() == 0  # nothing comes back by being recalled


OTHER, TUNED = replace(MODELS["speech"], sha256="b" * 64), replace(MODELS["speech"], options={"family": "tuned"})


@pytest.mark.parametrize(
    "given",
    [
        {"sense": "video"}, {"data": b"other"}, {"kind": Kind.VIDEO}, {"request": Request("de")},
        {"models": {"speech": OTHER}}, {"models": {"speech": TUNED}}, {"models": {"vad": MODELS["speech"]}},
        {"models": MODELS | {"vad": OTHER}}, {"models": {}}, {"limits": {"sound_seconds": 60}},
        {"code": "another checkout"}, {"card": "cuda"},
    ],
    ids=lambda given: next(iter(given)),
)  # fmt: skip
def test_what_decides_what_is_perceived(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    sense = Sense()
    hear(vault, sense, file(tmp_path))
    signal = replace(file(tmp_path, given.get("data", b"none")), kind=given.get("kind", Kind.AUDIO))
    if "code" in given:
        monkeypatch.setattr(cache, "made_by", lambda: given["code"])
    other = process(vault, card=given.get("card", OFF))
    recall = other.perceiver(given.get("sense", "speech"), sense, given.get("models", MODELS))
    with limits.lowered(given.get("limits", {})):
        recall(signal, given.get("request", Request()))
    assert len(sense.asked) == 2


def test_the_name_counts_only_where_a_note_may_tell_it(vault: Vault, tmp_path: Path) -> None:
    for notes, times in (((), 1), (("note.wav: the rest is left out",), 2)):
        caches.forget_all(vault)
        sense = Sense(notes)
        for name in ("note.wav", "copy.wav", "note.wav"):
            hear(vault, sense, file(tmp_path, name=name))
        assert len(sense.asked) >= times
    assert len(sense.asked) == 3  # each name puts its own in the place of the other's


@pytest.mark.parametrize("name", ["perception/kinds.toml", "perception/senses/new.py", "core/evidence.py"])
def test_the_code_that_perceives_is_summed(tmp_path: Path, name: str) -> None:
    """A checkout that was changed must not recall what another one saw."""
    core = Path(cache.__file__).parents[1]
    shutil.copytree(core / "perception", tmp_path / "perception")
    for beside in cache._BESIDE:
        (tmp_path / beside).parent.mkdir(exist_ok=True)
        shutil.copy((core / beside).with_suffix(".py"), (tmp_path / beside).parent)
    assert cache.summed(tmp_path / "perception") == cache.summed(core / "perception")
    with (tmp_path / name).open("a") as stream:
        stream.write("# changed\n")
    assert cache.summed(tmp_path / "perception") != cache.summed(core / "perception")


def test_the_libraries_that_decode_are_known_by_their_versions(tmp_path: Path) -> None:
    """Whichever wheel brings a module: that for cards has another name, and brings others."""
    named, brought = [name.lower() for name in cache.libraries(sys.path)], metadata.packages_distributions()
    for module in ("av", "cv2", "numpy", "onnxruntime", "PIL", "pyarrow", "pypdfium2", "tokenizers", "zxingcpp"):
        (brings,) = {name.replace("-", "_").lower() for name in brought[module]}
        assert f"{brings}-{metadata.version(brings)}.dist-info" in named
    names = ["onnxruntime_gpu-1.23.0", "opencv_python-4.12.0", "nvidia_cudnn_cu12-9.8.0", "Pillow-12.0.0"]
    for name in [*names, "avro-1.12.0", "numpydoc-1.9.0", "textual-8.2.8"]:
        (tmp_path / f"{name}.dist-info").mkdir()
    assert cache.libraries([str(tmp_path), "nowhere"]) == sorted(f"{name}.dist-info" for name in names)


def test_the_core_that_perceives_is_summed_with_it() -> None:
    """What senses import of the core is among what is summed, or decides nothing of what is perceived."""
    told = ("core/answer", "core/errors", "core/events", "core/limits", "compute/sd_notify")  # limits stand in the key
    core = Path(cache.__file__).parents[1]
    imported = set[str]()
    for file in (*core.glob("perception/**/*.py"), *(core / f"{name}.py" for name in cache._BESIDE)):
        text = file.read_text()
        imported.update(re.findall(r"^\s*from edge_assistant\.((?:compute|core)\.\w+)", text, re.MULTILINE))
        for package, names in re.findall(r"^\s*from edge_assistant\.(compute|core) import (.+)", text, re.MULTILINE):
            imported.update(f"{package}.{name}" for name in names.split(", "))
    found = {name.replace(".", "/") for name in imported}.difference(told)
    assert {name for name in found if not name.startswith("compute/scheduling")} == set(cache._BESIDE)


def test_a_card_that_is_not_there_decides_nothing(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for hardware in ((), ("nvidia",)):
        monkeypatch.setattr(gpus, "hardware", lambda hardware=hardware: hardware)
        made = [Assistant(Portfolio(), "test", runtime=Runtime(1, gpu=gpu), caches=vault) for gpu in ("off", "CUDA")]
        told.append([one.recall._disk.card for one in made if one.recall._disk is not None])
    assert told == [["off", "off"], ["off", "cuda"]]


def test_what_is_perceived_for_a_question_of_before_a_forgetting_is_not_kept(vault: Vault, tmp_path: Path) -> None:
    """Of several senses the later ones begin after it."""
    recall = process(vault)
    assert not recall.forgotten()
    assert not recall.forgotten()
    caches.forget_all(Vault(vault.folder))
    recall.perceiver("speech", Sense(), MODELS)(file(tmp_path), Request())
    assert caches.kept_bytes() == 0
    assert recall.forgotten()
    recall.clear()
    assert not recall.forgotten()
    recall.perceiver("speech", Sense(), MODELS)(file(tmp_path), Request())
    assert caches.kept_bytes() > 0


def test_neither_a_fault_nor_what_is_forgotten_while_it_is_perceived_is_kept(vault: Vault, tmp_path: Path) -> None:
    """Another process forgets, while this one hears ten minutes."""
    hear(vault, Sense(during=lambda: caches.forget_all(Vault(vault.folder))), file(tmp_path))
    faulty = Sense(error=InputCorrupt("it breaks off", "send it again"))
    for _ in range(2):
        with pytest.raises(InputCorrupt):
            hear(vault, faulty, file(tmp_path))
    assert len(faulty.asked) == 2
    assert caches.kept_bytes() == 0


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.FILE])
def test_what_has_no_file_stays_in_memory(vault: Vault, tmp_path: Path, origin: Origin) -> None:
    sense = Sense()
    captured = take_bytes(b"none", Kind.AUDIO, 1, origin=origin, name="utterance 1")
    hear(vault, sense, captured)
    assert caches.kept_bytes() == 0
    hear(vault, sense, file(tmp_path))
    hear(vault, sense, replace(captured, name="note.wav"))
    assert len(sense.asked) == 3, "whether somebody handed the same bytes over as a file is nobody's business"


def test_what_is_large_is_not_kept(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_PERCEPT_BYTES", 1_000)
    for data in (b"x" * 1_000, b"x" * 900):
        hear(vault, Sense(), file(tmp_path, data))
    assert 900 < caches.kept_bytes() < 1_100
    caches.forget_all(vault)
    hear(vault, Sense(), file(tmp_path), worth_s=60.0)
    assert caches.kept_bytes() == 0, "nor what is quick"


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("happens", ["changed", "gone"])
def test_a_file_that_changes_while_it_is_perceived_is_kept_as_what_it_was_or_not_at_all(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: str, large: bool
) -> None:
    if large:
        monkeypatch.setattr(cache, "HELD_BYTES", 0)
    path = tmp_path / "note.wav"
    during = (lambda: path.write_bytes(b"penicillin")) if happens == "changed" else (lambda: path.unlink())
    sense = Sense(during=during)
    hear(vault, sense, file(tmp_path))
    assert bool(caches.kept_bytes()) is not large
    found = hear(vault, sense, file(tmp_path))
    assert (found.evidence[0].text, len(sense.asked)) == ("none", 2 if large else 1)


def other_in_its_place(path: Path) -> Callable[[], object]:
    """Another file where the path leads to; what puts the former one back."""
    former = path.with_name("former")
    path.rename(former)
    path.write_bytes(b"penicillin")
    return lambda: former.replace(path)


def written_over(path: Path) -> Callable[[], object]:
    """Other bytes in the same file; what puts the former ones back, with their time."""
    former, found = path.read_bytes(), path.stat()

    def back() -> None:
        path.write_bytes(former)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    path.write_bytes(b"penicillin")
    return back


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("opened", [False, True], ids=["before it is opened", "once it is open"])
@pytest.mark.parametrize("changes", [other_in_its_place, written_over])
def test_what_was_never_the_file_that_was_summed_is_told_of_no_copy_of_it(
    vault: Vault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: Callable[[Path], Callable[[], object]],
    opened: bool,
    large: bool,
) -> None:
    """Who may write to a folder that is read from changes a file for as long as it is perceived, and back."""
    if large:
        monkeypatch.setattr(cache, "HELD_BYTES", 0)
    taken = file(tmp_path)
    assert taken.path is not None
    path, told = taken.path, list[str]()

    def sense(given: Signal, request: Request) -> Percept:
        back = None if opened else changes(path)
        try:
            with given.open() as stream:
                back = changes(path) if back is None else back
                told.append(stream.read().decode())
        finally:
            assert back is not None
            back()
        return Percept((Evidence("", given.id, told[-1], 0.5, Locator(), Passage()),))

    with contextlib.suppress(InputUnreadable):
        hear(vault, sense, taken)
    assert path.read_bytes() == b"none"
    found = hear(vault, Sense(), file(tmp_path, name="copy.wav"))
    assert found.evidence[0].text == "none"
    assert "penicillin" not in told or (opened and large), "nor is it said of it"


@pytest.mark.parametrize("happens", ["damaged", "foreign", "the key is lost"])
def test_what_is_not_to_be_had_is_perceived_anew(vault: Vault, tmp_path: Path, happens: str) -> None:
    sense = Sense()
    hear(vault, sense, file(tmp_path))
    (entry,) = (caches.sealed_dir() / "evidence").iterdir()
    if happens == "damaged":
        os.truncate(entry, 60)
    elif happens == "foreign":
        key = cache.key_of("speech", file(tmp_path), Request(), MODELS)
        SealedCache("evidence", 1 << 20, vault).put(key, b"\x95\x01\xa0\x90\x90\xc1")
    else:
        (vault.folder / "master.key").write_bytes(bytes(32))
    found = hear(vault, sense, file(tmp_path))
    assert found.evidence[0].text == "none"
    assert len(sense.asked) == 2


def signal(data: bytes = b"one", number: int = 1, name: str = "a.txt") -> Signal:
    return take_bytes(data, Kind.TEXT, number, origin=Origin.USER, name=name)


def test_the_same_bytes_are_perceived_once_and_are_of_the_signal_that_was_asked_for() -> None:
    perceiver = Sense()
    recalled = Recall().perceiver("text", perceiver)
    first, second = signal(), signal(number=2)
    assert [item.signal for item in recalled(first, Request()).evidence] == ["text:1"]
    again = recalled(second, Request(progress=lambda fraction: pytest.fail("nothing is perceived")))
    assert [(item.signal, item.text) for item in again.evidence] == [("text:2", "one")]
    assert perceiver.asked == ["text:1"]


def test_what_differs_is_perceived() -> None:
    recall, perceiver, one = Recall(), Sense(), signal()
    others = signal(b"two"), signal(name="b.txt"), replace(one, kind=Kind.READINGS)
    for times, given_ in enumerate((one, *others), 1):
        recall.perceiver("text", perceiver)(given_, Request())
        assert len(perceiver.asked) == times, given_
    recall.perceiver("text", perceiver)(one, Request("de"))
    assert len(perceiver.asked) == 5, "another language"
    recall.perceiver("other", perceiver)(one, Request())
    assert len(perceiver.asked) == 6, "another sense"


def test_a_fault_of_the_bytes_is_recalled_as_a_new_error() -> None:
    """One error raised again and again would hold every frame that it went through."""
    perceiver = Sense(error=InputCorrupt("it breaks off", "send it again"))
    recalled, caught = Recall().perceiver("text", perceiver), set[InputCorrupt]()
    for _ in range(3):
        with pytest.raises(InputCorrupt, match="it breaks off - send it again") as error:
            recalled(signal(), Request())
        caught.add(error.value)
    assert (perceiver.asked, len(caught)) == (["text:1"], 3)


@pytest.mark.parametrize("error", [InputMissing, InputUnreadable, ModelMissing, Stopped])
def test_what_may_be_otherwise_the_next_time_is_tried_again(error: type[InputError]) -> None:
    perceiver = Sense(error=error("not now", "later"))
    recalled = Recall().perceiver("text", perceiver)
    with pytest.raises(error):
        recalled(signal(), Request())
    perceiver.error = None
    assert recalled(signal(), Request()).evidence


def test_what_is_forgotten_is_perceived_again() -> None:
    recall, perceiver = Recall(), Sense()
    recalled = recall.perceiver("text", perceiver)
    for one in (signal(), signal(b"two", 2)):
        recalled(one, Request())
    recall.forget(signal().sha256)
    for one in (signal(), signal(b"two", 2)):
        recalled(one, Request())
    assert perceiver.asked == ["text:1", "text:2", "text:1"]
    recall.forget("nothing has this sum")
    recall.clear()
    assert recall.bytes == 0
    recalled(signal(), Request())
    assert len(perceiver.asked) == 4


def test_what_is_used_least_is_dropped() -> None:
    recall, perceiver = Recall(max_bytes=2_000), Sense()
    recalled = recall.perceiver("text", perceiver)
    one, two, three, four = (signal(bytes([65 + i]), i + 1) for i in range(4))
    for each in (one, two, three, one, four, one, two):
        recalled(each, Request())
    assert perceiver.asked == ["text:1", "text:2", "text:3", "text:4", "text:2"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000)), max_size=40))
def test_no_more_is_kept_than_may_be(given_: list[tuple[int, int]]) -> None:
    recall, perceiver = Recall(max_bytes=20_000), Sense()
    for name, size in given_:
        text = f"{name}" * (size + 1)
        recall.perceiver("text", perceiver)(signal(text.encode()), Request())
        assert recall.bytes <= 20_000
    for name, size in given_:
        recall.forget(signal((f"{name}" * (size + 1)).encode()).sha256)
    assert recall.bytes == 0


def test_a_table_counts_with_its_rows_and_one_that_is_too_large_is_read_again() -> None:
    rows = 1_000
    table = Table(
        np.arange(rows).astype("datetime64[s]").astype("datetime64[ns]"),
        np.arange(rows),
        (Column("t", None, np.zeros(rows)), Column("state", None, np.array(["on"] * rows, object))),
    )
    asked: list[str] = []
    for bound, times in ((40_000, 1), (20_000, 2)):
        recall = Recall(max_bytes=bound)
        recalled = recall.perceiver("readings", lambda given, _: asked.append(given.id) or Percept((), table))
        asked.clear()
        assert recalled(signal(), Request()).table is recalled(signal(), Request()).table is table
        assert len(asked) == times
        assert recall.bytes == (32_000 if times == 1 else 0)
