"""A record that somebody edited, and files, trails and keys that are exchanged, publish nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from helpers.looks import LICENCE, publishes_nothing

from edge_assistant.governance.audit.rows import canonical
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import signature
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.record import Record

OTHER = "cd" * 32


def refused(told: dict[str, Any]) -> dict[str, Any]:
    """The look that refused the form in `variants/refused`."""
    return told["looks"][1]


def one_more(told: dict[str, Any]) -> None:
    """Every item is hit."""
    found = refused(told)["of_candidate"]["presence"]
    found["parts"] = [1.0] * len(found["parts"])


def shorter(told: dict[str, Any]) -> None:
    """The items that were missed are gone."""
    for side in ("of_candidate", "of_reference"):
        found = refused(told)[side]["presence"]
        for row in ("items", "parts", "wholes"):
            found[row] = found[row][:200]


def forged(told: dict[str, Any]) -> None:
    """Signed by a key of the attacker's own."""
    key = Ed25519PrivateKey.generate()
    told |= {"signer": key.public_key().public_bytes_raw().hex(), "signature": ""}
    one_more(told)
    found = msgspec.convert(told, Record)
    fields = [signature._ABOUT, msgspec.json.encode(found, order="deterministic").decode()]
    told["signature"] = key.sign(canonical(fields).encode()).hex()


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "the sums of an accepted form": lambda told: told["variants"][1].update(files=told["variants"][0]["files"]),
    "the sums of its look": lambda told: refused(told)["candidate"].update(
        files=told["looks"][0]["candidate"]["files"]
    ),
    "an accepted look over it": lambda told: told["looks"][0]["candidate"].update(
        files=refused(told)["candidate"]["files"]
    ),
    "a value": lambda told: told["variants"][1]["verdicts"][0].update(value=9.9),
    "a verdict": lambda told: told["variants"][1]["verdicts"][0].update(accepted=True),
    "what was chosen": lambda told: told.update(chosen="int4"),
    "every item": one_more,
    "the number of items": shorter,
    "a limit": lambda told: refused(told)["criteria"][0].update(limit=1.0),
    "another bound": lambda told: refused(told)["criteria"][0].update(bound="at_least", limit=0.3),
    "no criteria": lambda told: refused(told).update(criteria=[]),
    "the number of the look": lambda told: refused(told).update(numbers={"presence": 1}),
    "no look": lambda told: told.update(looks=told["looks"][:1]),
    "no looks": lambda told: told.update(looks=[]),
    "the reference's items": lambda told: refused(told).update(of_reference=refused(told)["of_candidate"]),
    "the reference": lambda told: refused(told)["reference"].update(files={"model": OTHER}),
    "which way is better": lambda told: refused(told)["of_candidate"]["presence"].update(lower_is_better=True),
    "whole clusters": lambda told: refused(told)["of_candidate"]["presence"].update(wholes=[0.5] * 400),
    "the data": lambda told: refused(told).update(data={"presence": OTHER}),
    "the time": lambda told: refused(told).update(time="2000-01-01T00:00:00+00:00"),
    "the code": lambda told: refused(told).update(code=OTHER),
    "no signature": lambda told: told.update(signature=""),
    "no signer": lambda told: told.update(signer="", signature=""),
    "a signer who is nobody": lambda told: told.update(signer="00" * 32),
    "the attacker's signature": forged,
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_record_publishes_nothing(run_folder, what, capsys):
    """Not even the form that was accepted, whatever was edited."""
    path = run_folder / records.FILE
    told = json.loads(path.read_text())
    EDITS[what](told)
    path.write_text(json.dumps(told))
    for form, name in (("variants/refused", "bad"), ("accepted", "good")):
        publishes_nothing(run_folder / form, "--record", run_folder, "--name", name, "--profile", "none")
        said = capsys.readouterr().err
        assert re.search("was changed after it was written|is not signed|another machine wrote", said), said


def test_the_form_of_a_record_that_nobody_edited_is_published(run_folder):
    words = [str(run_folder / "accepted"), "--record", str(run_folder), "--name", "good", "--profile", "none"]
    assert main(["publish", *words, *LICENCE]) == 0


@pytest.mark.parametrize("what", [one_more, shorter, EDITS["a limit"], EDITS["the number of the look"]])
def test_nor_does_one_that_its_owner_signs_again(run_folder, what, capsys):
    told = json.loads((run_folder / records.FILE).read_text())
    what(told)
    records.write(signature.sign(msgspec.convert(told, Record)), run_folder / records.FILE)
    publishes_nothing(run_folder / "variants" / "refused", "--record", run_folder, "--name", "bad")
    said = capsys.readouterr().err
    assert "the records have 0 of 1 looks at 'int4'" in said or "'int4' was not accepted" in said


def test_files_that_take_another_ones_place_publish_nothing(run_folder, make, tmp_path):
    accepted, bad = run_folder / "accepted" / "model.onnx", run_folder / "variants" / "refused" / "model.onnx"
    shutil.copy(accepted, tmp_path / "good.onnx")
    shutil.copy(bad, accepted)
    publishes_nothing(run_folder)
    accepted.unlink()
    accepted.symlink_to(bad)
    publishes_nothing(run_folder)
    accepted.unlink()
    shutil.copy(tmp_path / "good.onnx", accepted)
    make(tmp_path / "other", 50)
    publishes_nothing(run_folder, "--record", tmp_path / "other")
    (run_folder / records.FILE).rename(run_folder / "variants" / records.FILE)
    publishes_nothing(run_folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [("rate = 16000", "rate = 8000"), ('"vad"', '"faces"'), ("rate = 16000", ""), ("model =", "other =")],
)
def test_nor_does_another_table_about_the_same_files(run_folder, old, new):
    """Options change what a model does, and so do its role and which file stands for which."""
    table = run_folder / "accepted" / "candidate.toml"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new))
    publishes_nothing(run_folder)


def test_a_trail_that_begins_anew_knows_no_look(run_folder, home):
    shutil.rmtree(home / "audit")
    publishes_nothing(run_folder)


def test_a_record_of_another_machine_publishes_nothing(run_folder, monkeypatch, tmp_path, home):
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / "other"))
    publishes_nothing(run_folder, "--profile", "none")
    publishes_nothing(run_folder, "--profile", "none", "--signer", OTHER)
