"""A model into catalog and store and out again: what the entry says, what is refused, and that nothing is half-made."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from helpers import killed
from helpers.records import record
from helpers.smalldisk import fill, mounted

import edge_assistant_quantize.publish as package
from edge_assistant.cli.main import main as assistant
from edge_assistant_models import store as stores
from edge_assistant_models.errors import ModelUnknown, StorageFull
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState
from edge_assistant_quantize import candidate
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import signature
from edge_assistant_quantize.acceptance.looks import DecidedLook
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import ModelCorrupt, NotAccepted
from edge_assistant_quantize.publish import description, judgement, places
from edge_assistant_quantize.publish.description import EntryDescription
from edge_assistant_quantize.publish.publish import _otherwise, plan, publish, unpublish
from edge_assistant_quantize.record import ModelSums

DESCRIBED = {"licence": "MIT", "licence_url": "https://example.org/licence", "home": "https://example.org"}
LICENCE = [word for key, value in DESCRIBED.items() for word in (f"--{key.replace('_', '-')}", value)]
TRACED = (str(Path(package.__file__).parent), stores.__file__)


def planned(folder, said=None, *, replace=False, signer=""):
    """As the verb plans it."""
    model = candidate.read(judgement.find(folder))
    found = judgement.judge(model, judgement.records_of(folder), signer=signer)
    return plan(model, found, said or EntryDescription(), replace=replace)


def left(home):
    """What there is of anything published, and of anything half-made."""
    folders = [home / "catalog", home / "published", home / "models", home / "models" / ".partial"]
    found = [f"{folder.name}/{path.name}" for folder in folders if folder.is_dir() for path in folder.iterdir()]
    usual = {"published/.lock", "models/.locks", "models/.stamps.json", "models/.partial", "models/silero-vad"}
    return sorted(set(found) - usual)


def figure(value):
    """Six digits, as a card has them."""
    return float(f"{value:.6g}")


WHOLE = ["catalog/ours-int8.toml", "models/ours-int8", "published/ours-int8"]


def test_a_run_becomes_an_entry_with_a_card_that_the_product_opens(run_folder, home, capsys):
    assert main(["publish", str(run_folder), "--yes"]) == 0
    assert "published: ours-int8, first for vad in test" in capsys.readouterr().out
    portfolio = Portfolio()
    entry = portfolio.entry("ours-int8")
    assert (entry.own, entry.tested, entry.role) == (True, True, "vad")
    assert (entry.licence, entry.home) == ("MIT", "https://github.com/snakers4/silero-vad")  # of what it was made from
    assert entry.description == "ours in eight bits"
    assert portfolio.state("ours-int8") is ModelState.INSTALLED
    model = portfolio.open("ours-int8")
    assert model.options == {"rate": 16000}
    assert model.files["model"].read_bytes() == (run_folder / "accepted" / "model.onnx").read_bytes()
    assert portfolio.resolve("test")["vad"] == "ours-int8"
    assert left(home) == WHOLE
    figures = entry.figures
    assert figures["accepted"] is True
    assert figures["metrics"] == {"presence": 0.81}
    said = "accepted against f32: presence 81 % against 81.25 %"
    (criterion,) = figures["criteria"]
    look = "look 1 at this data, decided at 96.96 %"
    assert re.fullmatch(
        rf"\S+, {said} \(-0.25 points, 93.9 % interval .* points; {look}; asked: at most 0.05 worse\)", criterion
    )
    assert figures["card"] == "published/ours-int8/card.html"
    assert figures["bits_per_weight"] == figure(model.files["model"].stat().st_size)  # of 8 weights
    assert (figures["looks"], figures["signer"], "refused" in figures) == (1, records.read(run_folder).signer, False)
    assert figures["speed"] == {"median_ms": 13.5, "ratio": 0.5}
    assert assistant(["models", "info", "ours-int8"]) == 0
    assert said in capsys.readouterr().out
    kept = home / "published" / "ours-int8"
    assert {path.name for path in kept.iterdir()} == {
        *("candidate.toml", "entry.toml", "ours-int8.onnx", "record.json", "card.html"),
    }
    assert records.read(kept) == records.read(run_folder)
    stored = home / "models/ours-int8/ours-int8.onnx"  # one copy of the weights besides the run's
    assert stored.samefile(kept / "ours-int8.onnx")
    assert not stored.samefile(run_folder / "accepted" / "model.onnx")


def test_what_is_published_is_pulled_published_elsewhere_and_taken_away(
    run_folder, home, monkeypatch, tmp_path, capsys
):
    publish(planned(run_folder))
    portfolio = Portfolio()
    portfolio.store.remove(portfolio.entry("ours-int8"))
    portfolio.pull(["ours-int8"])
    assert portfolio.open("ours-int8").sha256 == portfolio.entry("ours-int8").sha256
    with monkeypatch.context() as patch:
        patch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / "other"))
        words = ["publish", str(home / "published" / "ours-int8"), "--profile", "none", "--yes"]
        assert main(words) == 1
        key = re.search(r"another machine wrote the record of ours; its key is (\w+)", capsys.readouterr().err)[1]
        assert main([*words, "--signer", key]) == 0
        assert Portfolio().open("ours-int8").sha256
    shutil.rmtree(home / "published" / "ours-int8")
    assert assistant(["models", "remove", "ours-int8"]) == 0
    assert assistant(["models", "pull", "ours-int8"]) == 4
    assert "file ours-int8: there is no such file" in capsys.readouterr().err
    assert main(["unpublish", "ours-int8", "--yes"]) == 0
    assert left(home) == []
    with pytest.raises(ModelUnknown):
        unpublish("ours-int8")


def test_what_was_refused_is_not_published(run_folder, home, capsys):
    refused = str(run_folder / "variants" / "refused")
    assert main(["publish", refused, "--name", "bad", "--yes"]) == 1
    assert (
        "error: 'int4' was not accepted (ours): presence - 'edge-quantize accept ... --record DIR' it"
        in capsys.readouterr().err
    )
    assert left(home) == []
    assert main(["publish", refused, "--name", "bad", "--yes", "--unaccepted", "for a demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] is False
    entry = Portfolio().entry("bad")
    assert entry.doubts == ("not tested here", "not accepted")
    assert (entry.figures["accepted"], entry.figures["unaccepted"]) == (False, "for a demo")
    assert assistant(["models", "list"]) == 0
    assert "installed, not tested here, not accepted" in capsys.readouterr().out


def test_what_was_not_accepted_or_not_measured_is_not_published(run_folder, make):
    record = records.read(run_folder)
    records.write(signature.sign(msgspec.structs.replace(record, looks=[])), run_folder / records.FILE)
    with pytest.raises(NotAccepted, match="nothing was asked of 'int8' with these options"):
        planned(run_folder)
    make(run_folder / "again", 7)
    shutil.copy(run_folder / "again" / "accepted" / "model.onnx", run_folder / "accepted")
    with pytest.raises(NotAccepted, match="the record of ours is of other files"):
        planned(run_folder)
    shutil.rmtree(run_folder / "accepted")
    with pytest.raises(NotAccepted, match="no form was accepted in out"):
        judgement.find(run_folder)


def test_a_lone_file_was_not_measured(run_folder, tmp_path, capsys):
    lone = tmp_path / "elsewhere" / "Some Model.onnx"
    lone.parent.mkdir()
    shutil.copy(run_folder / "accepted" / "model.onnx", lone)
    assert main(["publish", str(lone), "--role", "vad", *LICENCE, "--yes"]) == 1
    said = "was not measured: there is no record.json beside it - 'edge-quantize accept"
    assert said in capsys.readouterr().err
    record = ["--record", str(run_folder), "--profile", "none"]
    words = ["publish", str(lone), "--role", "vad", *LICENCE, *record, "--name", "lone", "--yes"]
    assert main(words) == 1  # nothing says the options with which it was accepted
    assert main([*words, "--reference", str(run_folder / "accepted")]) == 0
    entry = Portfolio().entry("lone")
    assert (entry.profiles, [file.path for file in entry.files]) == ((), ["lone.onnx"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "silero-vad"], "'silero-vad' is a model that comes with the product"),
        (["--name", "Not A Name"], "would not be valid: name: expected `str` matching"),
        (["--licence", "free\nfor all"], "would not be valid: licence: expected `str` matching"),
        (["--home", "nowhere"], "would not be valid: home: expected `str` matching"),
        (["--profile", "nowhere"], "there is no profile 'nowhere'"),
        (["--profile", "none", "--profile", "tiny"], "--profile none stands with another"),
        (["--memory-mib", "-1"], "is no whole number from 1 on"),
    ],
)
def test_a_wrong_option_is_said(run_folder, home, options, said, capsys):
    assert main(["publish", str(run_folder), "--yes", *options]) == 2
    assert said in capsys.readouterr().err
    assert left(home) == []


def test_what_is_missing_is_said(run_folder, capsys):
    assert main(["publish", str(run_folder)]) == main(["unpublish", "ours-int8"]) == 2  # nobody can be asked
    assert capsys.readouterr().err.count("--yes") == 2
    record, toml = run_folder / records.FILE, run_folder / "accepted" / "candidate.toml"
    text = record.read_text()
    known = records.read(run_folder)
    unknown = msgspec.structs.replace(known, recipe=known.recipe.replace("silero-vad", "our-own"))
    records.write(signature.sign(unknown), record)
    assert main(["publish", str(run_folder), "--yes"]) == 2
    assert "nothing says --licence, --licence-url, --home of ours-int8" in capsys.readouterr().err
    record.write_text(text)
    toml.write_text(toml.read_text().replace('"vad"', '"language"'))
    assert main(["publish", str(run_folder), *LICENCE, "--unaccepted", "a trial", "--yes"]) == 2
    assert "the chat family '' is not known - say one of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "family", "context", "why"),
    [
        ({"family": "chatml"}, "gemma", None, "accepted with the chat family chatml, and not with gemma"),
        ({}, "chatml", 8192, ""),
        ({}, "chatml", 128, "accepted with a context of 4096 tokens, and not with one of 128"),
        ({"context": 2048}, "chatml", 2048, ""),
        ({"context": 128}, "chatml", 2048, "accepted with a context of 128 tokens, and not with one of 2048"),
    ],
)
def test_a_language_model_is_published_as_it_answered(options, family, context, why, tmp_path):
    asked = SimpleNamespace(criteria=[SimpleNamespace(metric="cross-signal")])
    judged = judgement.Judgement(ModelSums("mine", {}, {}), record(), record().reference, [DecidedLook(asked, [])])
    model = Candidate("mine", "language", tmp_path, {}, options)
    found = _otherwise(model, judged, EntryDescription("mine", family=family, context=context))
    assert found == (f"mine was {why}" if why else "")


def test_a_gguf_says_its_chat_family_and_context(models, tmp_path):
    file = models("language").files["model"]
    assert description._chat(Candidate("mine", "language", file.parent, {"model": file.name})) == ("chatml", 8192)
    assert description.family("{{ '<start_of_turn>' + role }}") == "gemma"
    assert description.family("<|im_start|> and <|start_header_id|>") == ""
    (tmp_path / "no.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelCorrupt):
        description._chat(Candidate("mine", "language", tmp_path, {"model": "no.gguf"}))


def test_a_name_or_a_first_place_that_is_taken(run_folder, make, home, tmp_path, capsys):
    publish(planned(run_folder))
    again = str(make(tmp_path / "again", 2, "ours-int8"))
    assert main(["publish", again, "--yes"]) == 2
    assert "'ours-int8' is published already - replace it with --replace" in capsys.readouterr().err
    assert main(["publish", again, "--name", "other", "--yes"]) == 2
    said = "ours-int8 comes first for vad in test already - 'edge-quantize unpublish ours-int8'"
    assert said in capsys.readouterr().err
    assert main(["publish", again, "--yes", "--replace"]) == 0
    model = Portfolio().open("ours-int8").files["model"]
    assert model.read_bytes() == (tmp_path / "again/accepted/model.onnx").read_bytes()
    assert left(home) == WHOLE
    assert main(["publish", again, "--name", "other", "--profile", "none", "--yes"]) == 0


def test_an_entry_that_its_owner_has_written_or_changed_is_left_alone(run_folder, home, capsys):
    publish(planned(run_folder))
    file = home / "catalog" / "ours-int8.toml"
    file.write_text(file.read_text().replace('profiles = ["test"]', 'profiles = ["tiny"]'))
    places.new("ours-int8").mkdir()  # of a replacement that was killed
    with places.held():
        pass
    assert Portfolio().entry("ours-int8").profiles == ("tiny",)
    assert Portfolio().open("ours-int8")
    file.write_text(file.read_text().replace("published/", "elsewhere/"))
    assert main(["publish", str(run_folder), "--yes", "--replace"]) == 2
    assert main(["unpublish", "ours-int8", "--yes"]) == 2
    assert "error: 'ours-int8' is in your catalog, written by hand" in capsys.readouterr().err
    assert file.exists()


def test_a_policy_says_what_may_be_published(run_folder, home, capsys):
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "policy.toml").write_text("[models]\nown = false\n")
    assert main(["publish", str(run_folder), "--yes"]) == 5
    assert "models.own" in capsys.readouterr().err
    assert left(home) == []


def test_a_damaged_model_and_one_that_changes_are_not_published(run_folder, home):
    file, record = run_folder / "accepted" / "model.onnx", run_folder / records.FILE
    made, old = planned(run_folder), candidate.sha256_of(file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ModelCorrupt, match="changed while it was published"):
        publish(made)
    edited = msgspec.json.decode(record.read_text().replace(old, candidate.sha256_of(file)), type=records.Record)
    records.write(signature.sign(edited), record)
    with pytest.raises(NotAccepted, match=r"of other files|was not accepted|the records have"):
        planned(run_folder)
    judged = judgement.judge(candidate.read(file.parent), [])
    with pytest.raises(ModelCorrupt):
        publish(plan(candidate.read(file.parent), judged, EntryDescription(**DESCRIBED), unaccepted="for a demo"))
    assert left(home) == []


def test_what_an_entry_names_outlasts_a_power_failure(run_folder, home, monkeypatch):
    sync, synced = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), sync(file)))
    publish(planned(run_folder))
    own = (home / "catalog" / "ours-int8.toml").stat().st_ino
    kept = {path.name: path.stat().st_ino for path in (home / "published" / "ours-int8").iterdir()}
    assert [name for name, file in kept.items() if file not in synced[: synced.index(own)]] == []


def test_a_model_that_changes_does_not_replace_what_was_published_of_it(run_folder, home):
    publish(made := planned(run_folder))
    (run_folder / "accepted" / "model.onnx").write_bytes(b"another")
    with pytest.raises(ModelCorrupt):
        publish(made, replace=True)
    kept = home / "published" / "ours-int8" / "ours-int8.onnx"
    assert candidate.sha256_of(kept) == made.entry.files[0].sha256


def test_room_is_looked_for_on_the_disk_of_the_store_too(run_folder, home, monkeypatch):
    made, known, store = planned(run_folder), shutil.disk_usage, home / "models"
    full = SimpleNamespace(free=made.entry.bytes - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full if path == store else known(path))
    with pytest.raises(StorageFull, match="publishing ours-int8 needs"):
        publish(made)
    assert left(home) == []


def test_a_published_model_that_was_damaged_blocks_no_other(run_folder, home):
    publish(planned(run_folder))
    (home / "published" / "ours-int8" / "ours-int8.onnx").unlink()
    places.new("ours-int8").mkdir()  # of a replacement that was killed
    (places.new("ours-int8") / "entry.toml").write_text("another")
    with pytest.raises(StorageFull), places.held():
        pass
    assert unpublish("ours-int8") is None
    assert left(home) == []


def test_a_full_disk_leaves_nothing(run_folder, tmp_path, monkeypatch):
    with mounted(tmp_path / "small") as home:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(home))
        none = EntryDescription(profiles=())
        made = planned(run_folder, none, signer=records.read(run_folder).signer)
        (home / "published").mkdir()
        for room in range(0, 240, 12):  # KiB that are left: it fails earlier or later
            filler = fill(home)
            os.truncate(filler, filler.stat().st_size - room * 1024)
            try:
                publish(made)
                break
            except StorageFull:
                filler.unlink()
                with places.held():
                    pass
                assert left(home) == []
        assert room > 8
        assert left(home) == WHOLE


@pytest.mark.parametrize("replacing", [False, True])
def test_killed_anywhere_it_is_published_whole_or_not_at_all(run_folder, make, home, tmp_path, replacing):
    if replacing:
        publish(planned(run_folder))
    made = planned(make(tmp_path / "again", 2, "ours-int8") if replacing else run_folder, replace=replacing)
    before = Portfolio().open("ours-int8").sha256 if replacing else None
    backup = shutil.copytree(home, tmp_path / "backup", symlinks=True) if replacing else None
    count = killed.lines(lambda: publish(made, replace=replacing), TRACED)
    seen = set()
    for line in [*range(1, count, count // 8), *range(count - 15, count + 1, 3)]:
        restore(home, backup)
        assert killed.at_line(lambda: publish(made, replace=replacing), line, TRACED)
        with places.held():
            pass
        portfolio = Portfolio()
        there = "ours-int8" in {entry.name for entry in portfolio.entries()}
        found = portfolio.open("ours-int8").sha256 if there else None
        assert found in {before, made.entry.sha256}
        assert left(home) == (WHOLE if there else [])
        seen.add(found)
    assert seen == {before, made.entry.sha256}


def restore(home, backup):
    """What was there before; links within it are lost, which changes nothing."""
    for name in ("catalog", "published", "models"):
        shutil.rmtree(home / name, ignore_errors=True)
        if backup is not None:
            shutil.copytree(backup / name, home / name, symlinks=True)


def test_killed_while_it_is_taken_away_it_is_there_or_gone(run_folder, home, tmp_path):
    publish(planned(run_folder))
    backup = shutil.copytree(home, tmp_path / "backup", symlinks=True)
    count = killed.lines(lambda: unpublish("ours-int8"), TRACED)
    seen = set()
    for line in range(1, count + 1, max(1, count // 10)):
        restore(home, backup)
        assert killed.at_line(lambda: unpublish("ours-int8"), line, TRACED)
        with places.held():
            pass
        there = "ours-int8" in {entry.name for entry in Portfolio().entries()}
        assert left(home) == (WHOLE if there else [])
        seen.add(there)
    assert seen == {True, False}
