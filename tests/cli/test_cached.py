"""What was perceived in a file is recalled by the next command: the answer is the same, and no sense does anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import planted
from helpers.commands import Command
from helpers.forgetting import audited
from PIL import Image, ImageDraw

from edge_assistant.cli.main import main
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception import percepts, recall
from edge_assistant.perception.sense import Percept, Request, Sense, senses
from edge_assistant.perception.senses.video import Video
from edge_assistant.vault import caches

EXAMPLES = Path(__file__).parents[2] / "examples"
FORM, NOTE = EXAMPLES / "clinic" / "form.jpg", EXAMPLES / "clinic" / "note.wav"
ALLERGY = "Which allergies are known?"
Capsys = pytest.CaptureFixture[str]


def told(capsys: Capsys, *words: str | Path) -> dict[str, Any]:
    """The answer as an object, without how long it took."""
    assert main(["ask", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    for changes in ("timings", "signals"):  # when they were taken
        del found[changes]
    return found


def blind(patched: pytest.MonkeyPatch, kinds: Sequence[type[Sense]]) -> None:
    """From now on no sense perceives anything."""

    def perceive(sense: Sense, signal: Any, request: Any) -> Percept:
        raise AssertionError(f"{sense.name} perceives")

    for kind in kinds:
        patched.setattr(kind, "perceive", perceive)


def test_the_same_files_are_perceived_once(
    command: Command, allergies: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [ALLERGY, "--image", allergies, "--audio", NOTE, "--language", "en"]
    assert command("ask", *asked).status == 0
    assert caches.kept_bytes() > 0
    perceived = told(capsys, *asked)
    blind(monkeypatch, senses())
    assert told(capsys, *asked) == perceived
    assert perceived["verdicts"][0]["status"] == "conflict"
    models = {model["name"] for model in perceived["models"]}
    assert models >= set(perceived["route"]["models"])
    assert any("whisper" in name for name in models)
    rows = [row for row in audited() if row.kind == "evidence"]
    assert len(rows) == 3 * len({json.loads(row.body)["sense"] for row in rows})  # recalled or not, it is evidence


@pytest.mark.parametrize("policy", [None, "[retention]\ncache = false\n"])
def test_switched_off_nothing_is_kept_and_nothing_recalled(
    command: Command, capsys: Capsys, home: Path, monkeypatch: pytest.MonkeyPatch, policy: str | None
) -> None:
    monkeypatch.setattr(recall, "WORTH_S", 0.0)
    if policy is None:
        monkeypatch.setenv("EDGE_ASSISTANT_CACHE", "no")
    else:
        (home / "config").mkdir()
        (home / "config" / "policy.toml").write_text(policy)
    told(capsys, "What stands there?", "--text", EXAMPLES / "line" / "remark.txt")
    assert not caches.sealed_dir().exists()


def film(path: Path) -> Path:
    """A video in which a word is written."""
    import av
    import numpy as np

    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).text((20, 90), planted.TEXT, "black", font_size=36)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = picture.size
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.array(picture), format="rgb24")))
        container.mux(stream.encode())
    return path


def given(kind: Kind, folder: Path) -> Path:
    match kind:
        case Kind.IMAGE:
            return FORM
        case Kind.AUDIO:
            return NOTE
        case Kind.VIDEO:
            return film(folder / "talk.mp4")
        case Kind.READINGS:
            return EXAMPLES / "line" / "motor.csv"
        case Kind.TEXT:
            return EXAMPLES / "line" / "remark.txt"


@pytest.mark.parametrize("sense", senses(), ids=lambda sense: sense.name)
def test_what_each_sense_really_makes_is_kept_exactly(sense: type[Sense], tmp_path: Path, models: Any) -> None:
    """Down to the type of each number: what comes of numpy and is no number of Python's would not be kept at all."""
    used = {role: models(role) for role in (*sense.roles, *sense.optional_roles)}
    (kind,) = sense.kinds
    signal = take_file(given(kind, tmp_path), kind, 1)
    percept = sense(used, Runtime(1)).perceive(signal, Request("en"))
    data = percepts.packed(percept, signal.name)
    assert data is not None
    found = percepts.unpacked(data, signal.id, signal.name)
    assert found is not None
    assert repr((found.evidence, found.notes)) == repr((percept.evidence, percept.notes))
    assert percept.evidence or sense is Video
    assert (found.table is None) == (percept.table is None)
    if percept.table is not None and found.table is not None:
        assert len(found.table) == len(percept.table)
