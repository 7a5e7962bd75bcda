"""A recipe from its source to the accepted model: nothing is done twice, and refusals come before work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import killed, tiny_llama
from helpers.recipe_steps import KILL
from msgspec.structs import replace

from edge_assistant_quantize import candidate, record
from edge_assistant_quantize.errors import (
    InputMissing,
    ModelCorrupt,
    ModelTooLarge,
    RecipeInvalid,
    StorageFull,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.progress import Step, ignore
from edge_assistant_quantize.recipes import engine, loading, lock, measuring
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import File, Variant, Verdict

NONE = ("at_least = 0.5", "at_least = 2"), (", search = true", "")  # no variant is accepted


def test_the_smallest_accepted_variant_is_chosen(place):
    found = place.run(command="edge-quantize run small.toml")
    assert {each.name: each.accepted for each in found.variants} == {"half": True, "tenth": False, "searched": True}
    assert found.chosen == "searched"  # it grew from 30 to 50 bytes, half of the reference's 90
    assert found.variants[2].excluded == ["node40", "node50"]
    assert found.reference.bytes == 90 + 4
    taken = candidate.read(place.folder / "out" / "accepted")
    assert (taken.name, taken.role, taken.options) == ("small", "detector", {"size": 3})
    assert taken.paths["model"].read_bytes() == bytes(range(50))
    assert taken.paths["labels"].read_text() == "cat\n"
    assert (place.folder / "out" / "reference" / "model.gguf").stat().st_size == 90
    assert record.read(place.folder / "out") == found
    assert set(found.inputs) == {"source/model", "source/labels", "calibration", "data/photos"}
    assert found.measures["length"].lower_is_better is False
    assert found.recipe == (place.folder / "small.toml").read_text()
    told = json.loads((place.folder / "out" / "record.json").read_text())
    assert told["commands"] == ["edge-quantize run small.toml"]
    assert told["versions"]["edge-quantize"]
    assert told["machine"]["architecture"]


def test_a_second_run_does_nothing_and_gives_the_same_record(place):
    first, done = place.run(), place.log()
    written = (place.folder / "out" / "accepted" / "model.gguf").stat().st_mtime_ns
    assert place.run() == first
    assert place.log() == done
    assert (place.folder / "out" / "accepted" / "model.gguf").stat().st_mtime_ns == written
    next((place.folder / "out" / "work").glob("*/model.gguf")).write_bytes(b"other")  # is made again
    assert place.run() == first


def test_a_change_and_what_depends_on_it_is_done_again_and_nothing_else(place):
    place.run()
    before = len(place.log())
    place.run("out", ("to = 60", "to = 70"))
    assert place.log()[before:] == ["shrink model 70", "length 70"]
    before = len(place.log())
    (place.folder / "photos" / "two.jpg").write_bytes(b"two")
    place.run("out", ("to = 60", "to = 70"))
    again = place.log()[before:]
    assert not {"shrink model 90", "shrink model 70"} & set(again)  # need no data
    assert {"length 70", "shrink model 85"} <= set(again)  # the second is calibrated on the photos


def test_of_variants_of_about_one_size_the_fastest_is_chosen():
    good = [Verdict("length", 1, 1, None, "", accepted=True)]
    sizes = {"slow": (100, 1.2), "fast": (104, 0.5), "large": (106, 0.1)}
    variants = [
        Variant(name, "", {"model": File("m", size, "")}, speed={"ratio": ratio}, verdicts=good)
        for name, (size, ratio) in sizes.items()
    ]
    assert engine.choose(variants) == "fast"
    assert engine.choose([replace(variant, speed={}) for variant in reversed(variants)]) == "slow"


def test_if_none_is_accepted_an_earlier_one_goes(place):
    place.run()
    assert (place.folder / "out" / "accepted").exists()
    assert place.run("out", *NONE).chosen == ""
    assert not (place.folder / "out" / "accepted").exists()


def test_a_variant_that_fails_is_recorded_and_the_others_go_on(place, monkeypatch):
    found = place.run("out", ('{ do = "shrink", to = 60 }', '{ do = "shrink", to = 60, fails = true }'))
    assert (found.variants[0].note, found.variants[0].accepted) == ("it cannot be shrunk", None)
    assert found.chosen == "searched"
    results = measuring.results

    def measured(job, form, reference):
        if form.sums["model"] != reference.sums["model"]:
            raise WeightsRefused("the model predicts what is no number", "quantize anew")
        return results(job, form, reference)

    monkeypatch.setattr(measuring, "results", measured)
    found = place.run()
    assert {variant.note for variant in found.variants} == {"the model predicts what is no number"}
    assert found.chosen == ""


def test_progress_counts_every_step(place):
    told: list[Step] = []
    place.run(watch=told.append)
    steps = [step.done for step in told if step.what == "small"]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 9)
    assert {step.total for step in told if step.what == "small"} == {9}


def is_killed(place, output: str, line: int) -> bool:
    """Run in a process of its own that is killed in the middle of the step that writes that line of the log."""
    child = os.fork()
    if child == 0:
        os.environ[KILL] = str(line)
        try:
            place.run(output)
        finally:
            os._exit(0)
    return killed.ended(child)


def test_killed_anywhere_it_resumes_and_nothing_is_done_again(place):
    whole, everything = place.run("whole"), place.log()
    for line in range(1, len(everything) + 1):
        (place.folder / "log").unlink()
        assert is_killed(place, f"killed{line}", line)
        done = place.log()
        assert done == everything[:line]
        assert place.run(f"killed{line}") == whole
        searched = ["shrink model 30"] * (done[-1] in {"length 30", "length 40", "length 50"})  # measured in that step
        assert place.log()[line:] == searched + everything[line - 1 :]
        assert not list((place.folder / f"killed{line}").rglob(".begun-*"))


def test_two_runs_in_one_folder(place):
    with Workspace(place.folder / "out").locked(""), pytest.raises(UsageError, match="another run works in out"):
        place.run()


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ('file = "model"', 'file = "encoder"', RecipeInvalid, "works on 'encoder', which small has not"),
        ('"length"', '"speech"', RecipeInvalid, "'speech' measures speech, and the recipe is for role 'detector'"),
        ('"length"', '"nothing"', UsageError, "there is no metric 'nothing'"),
        ('photos = { path = "photos" }', 'photos = { path = "gone" }', InputMissing, "there is no gone"),
        ('calibration = { path = "photos" }', 'calibration = { path = "gone" }', InputMissing, "there is no gone"),
        ('{ path = "model" }', '{ path = "gone" }', InputMissing, "there is no gone"),
        ('role = "detector"', 'role = "classifier"', RecipeInvalid, "measures detector"),
        ('{ path = "model" }', '{ path = "model", sha256.model = "' + "0" * 64 + '" }', ModelCorrupt, "whose sum"),
        ('{ path = "model" }', '{ path = "photos", files.model = "a.gguf" }', InputMissing, "there is no a.gguf"),
        ('{ path = "model" }', '{ path = "photos", files.labels = "one.jpg" }', RecipeInvalid, "has not"),
    ],
)
def test_refusals_come_before_work(place, old, new, error, said):
    with pytest.raises(error, match=said):
        place.run("out", (old, new))
    assert place.log() == []


def test_a_source_of_another_role(place):
    with pytest.raises(RecipeInvalid, match="for a model of role 'speech', and large is one of role 'detector'"):
        place.run("out", ('role = "detector"', 'role = "speech"'), ('"length"', '"speech"'))


def test_room_is_checked_before_work(place, monkeypatch):
    monkeypatch.setattr("edge_assistant_quantize.room.available_memory", lambda: 10)
    with pytest.raises(ModelTooLarge, match="the recipe small needs"):
        place.run()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(StorageFull, match="the recipe small needs"):
        place.run()
    assert place.log() == []


LANGUAGE = """
name = "tiny"
extends = "language"
source = { path = "tiny.gguf" }
calibration = { path = "calibration.txt" }
data.text = { path = "text.txt", chunks = 3, context = 64 }
speed = false
prepare = [{ do = "convert" }, { do = "imatrix", chunks = 2, context = 64 }]
metrics = [
    { metric = "token-agreement", data = "text", at_least = 0.9 },
    { metric = "perplexity", data = "text" },
]
variants = [
    { name = "q2-k", steps = [{ do = "quantize", type = "Q2_K", imatrix = true }] },
    { name = "q4-k-m", steps = [{ do = "quantize", type = "Q4_K_M", imatrix = true, overrides.attn_v = "Q8_0" }] },
    { name = "q8-0", steps = [{ do = "quantize", type = "Q8_0" }] },
]
"""


def run(folder: Path, output: str, **options):
    recipe = loading.load(str(folder / "recipe.toml"))
    return engine.run(recipe, folder / output, threads=1, watch=ignore, **options)


@pytest.fixture
def language(tmp_path) -> Path:
    """A recipe for a language model of random weights."""
    tiny_llama.write(tmp_path / "tiny.gguf")
    (tmp_path / "calibration.txt").write_text(tiny_llama.prose(60))
    (tmp_path / "text.txt").write_text(tiny_llama.prose(90)[200:])
    (tmp_path / "recipe.toml").write_text(LANGUAGE)
    return tmp_path


def test_a_language_model_twice_gives_the_same_tensors(language):
    found = run(language, "one")
    accepted = {variant.name: variant.accepted for variant in found.variants}
    assert (accepted["q2-k"], accepted["q8-0"]) == (False, True)
    assert found.chosen in {"q4-k-m", "q8-0"}
    assert found.reference.metrics["token-agreement"] == 1
    assert found.variants[0].metrics["perplexity"] > 1
    run(language, "two", locked=language / "one" / lock.FILE)
    assert (language / "one" / lock.FILE).read_text() == (language / "two" / lock.FILE).read_text()


def test_weights_that_are_not_converted_yet(language):
    (language / "weights").mkdir()
    (language / "weights" / "config.json").write_text("{}")
    (language / "weights" / "model.safetensors").write_bytes(bytes(8))
    said = LANGUAGE.replace('"tiny.gguf"', '"weights"').replace('do = "convert"', 'do = "optimize"')
    (language / "recipe.toml").write_text(said)
    with pytest.raises(RecipeInvalid, match="prepare: optimize finds weights that are not converted yet") as caught:
        run(language, "out")
    assert 'prepare = [{ do = "convert" }]' in caught.value.hint
