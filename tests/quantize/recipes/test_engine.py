"""A recipe from its source to the accepted model: nothing is done twice, and refusals come before work."""

from __future__ import annotations

import os
import tomllib

import pytest
from helpers import forked, killed, tiny_llama
from helpers.recipe_steps import KILL
from msgspec.structs import replace

from edge_assistant_quantize import candidate, record
from edge_assistant_quantize.acceptance import looks
from edge_assistant_quantize.errors import (
    InputMissing,
    LockBroken,
    RecipeInvalid,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import engine, loading, measurements
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import CriterionVerdict, ModelFile, Variant

NONE = ("at_least = 0.5", "at_least = 2"), (", search = true", "")  # no variant is accepted


def alike(found):
    """A record without what differs from run to run."""
    looks = [replace(look, time="") for look in found.looks]
    return replace(found, looks=looks, commands=[], signature="")


def test_the_smallest_accepted_variant_is_chosen_and_a_second_run_does_nothing(place):
    told, out = [], place.folder / "out"
    found = place.run(command="edge-quantize run small.toml", watch=told.append)
    assert {each.name: each.accepted for each in found.variants} == {"half": True, "tenth": False, "searched": True}
    assert found.chosen == "half"
    assert found.variants[2].excluded == ["node40", "node50", "node60"]  # until the low end of its interval is a half
    assert [look.candidate.name for look in found.looks] == ["half", "tenth", "searched"]
    assert len(found.looks[2].of_candidate["length"].items) in range(70, 130)  # those that the search has not seen
    assert found.reference.bytes == 90 + 4
    taken = candidate.read(out / "accepted")
    assert (taken.name, taken.role, taken.options) == ("small", "detector", {"size": 3})
    assert taken.paths["model"].read_bytes() == bytes(range(60))
    assert taken.paths["labels"].read_text() == "cat\n"
    assert (out / "reference" / "model.gguf").stat().st_size == 90
    assert record.read(out) == found
    assert set(found.inputs) == {"source/model", "source/labels", "calibration", "data/photos"}
    assert found.measures["length"].lower_is_better is False
    assert tomllib.loads(found.recipe) == tomllib.loads((place.folder / "small.toml").read_text())
    assert found.commands == ["edge-quantize run small.toml"]
    assert found.versions["edge-quantize"]
    assert found.machine["architecture"]
    steps = [step.done for step in told if step.what == "small"]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1], {step.total for step in told if step.what == "small"}) == (0, 3, {3})
    done, written = place.log(), (out / "accepted" / "model.gguf").stat().st_mtime_ns
    assert alike(place.run()) == alike(found)
    assert place.log() == done
    assert (out / "accepted" / "model.gguf").stat().st_mtime_ns == written
    next((out / "work").glob("*/model.gguf")).write_bytes(b"other")  # is made again
    assert alike(place.run()) == alike(found)
    assert place.run("out", *NONE).chosen == ""
    assert not (out / "accepted").exists()


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
    before = len(place.log())
    (place.folder / "model" / "labels.txt").write_text("dog\n")
    place.run("out", ("to = 60", "to = 70"))
    again = place.log()[before:]
    assert not {"shrink model 90", "shrink model 70", "shrink model 10"} & set(again)  # need no other file of the model
    assert {"length 70", "shrink model 85"} <= set(again)


SAME = """at_least = 0.5

[[metrics]]
metric = "same"
data = "more"
at_least = 0.9
"""


def test_a_reference_counts_by_the_floor_of_a_metric_on_other_data(place):
    (place.folder / "more").mkdir()
    (place.folder / "more" / "two.jpg").write_bytes(b"two")
    more = ("[data]", '[data]\nmore = { path = "more" }')
    found = place.run("out", more, ("at_least = 0.5\n", SAME))
    assert [(each.metric, each.reason) for each in found.variants[0].verdicts] == [("length", ""), ("same", "")]
    assert [sorted(look.of_candidate) for look in found.looks] == [["length", "same"]] * 3
    own = ('metric = "length"\ndata = "photos"\nat_least = 0.5\n', SAME.partition("[[metrics]]\n")[2])
    found = place.run("alone", more, own)
    reasons = {each.reason for variant in found.variants for each in variant.verdicts}
    assert reasons == {"nothing says that reference is not damaged itself"}


def test_what_other_code_measured_is_measured_again(place, monkeypatch):
    place.run()
    before = len(place.log())
    monkeypatch.setattr(looks, "code", lambda: "other")
    place.run()
    assert {"length 60", "length 10"} <= set(place.log()[before:])


def test_of_variants_of_about_one_size_the_fastest_is_chosen():
    good = [CriterionVerdict("length", 1, 1, None, "", accepted=True)]
    variants = [
        Variant(name, "", {"model": ModelFile("m", size, "")}, speed={"ratio": ratio}, verdicts=good)
        for name, size, ratio in (("slow", 100, 1.2), ("fast", 104, 0.5), ("large", 106, 0.1))
    ]
    assert engine.choose(variants) == "fast"
    assert engine.choose([replace(variant, speed={}) for variant in reversed(variants)]) == "slow"


def test_a_variant_that_fails_is_recorded_and_the_others_go_on(place, monkeypatch):
    found = place.run("out", ('{ do = "shrink", to = 60 }', '{ do = "shrink", to = 60, fails = true }'))
    assert (found.variants[0].note, found.variants[0].accepted) == ("it cannot be shrunk", None)
    assert found.chosen == "searched"
    results = measurements.results

    def measured(job, form, reference):
        if form.sums["model"] != reference.sums["model"]:
            raise WeightsRefused("the model predicts what is no number", "quantize anew")
        return results(job, form, reference)

    monkeypatch.setattr(measurements, "results", measured)
    found = place.run()
    assert {variant.note for variant in found.variants} == {"the model predicts what is no number"}
    assert found.chosen == ""


def test_killed_anywhere_it_resumes_and_nothing_is_done_again(place):
    whole, everything = place.run("whole"), place.log()
    for line in range(1, len(everything) + 1):
        (place.folder / "log").unlink()
        child = os.fork()
        if child == 0:  # is killed in the middle of the step that writes that line of the log
            os.environ[KILL] = str(line)
            try:
                place.run(f"killed{line}")
            finally:
                os._exit(0)
        assert killed.ended(child)
        done = place.log()
        assert done == everything[:line]
        assert alike(place.run(f"killed{line}")) == alike(whole)
        searched = ["shrink model 30"] * (done[-1] in {"length 30", "length 40", "length 50"})  # measured in that step
        assert place.log()[line:] == searched + everything[line - 1 :]
        assert not list((place.folder / f"killed{line}").rglob(".begun-*"))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ([('file = "model"', 'file = "encoder"')], RecipeInvalid, "works on 'encoder', which small has not"),
        ([('"length"', '"speech"')], UsageError, "speech measures speech, and the model is a detector"),
        ([('"length"', '"nothing"')], UsageError, "there is no metric 'nothing'"),
        ([('photos = { path = "photos" }', 'photos = { path = "gone" }')], InputMissing, "there is no gone"),
        ([('calibration = { path = "photos" }', 'calibration = { path = "gone" }')], InputMissing, "there is no gone"),
        ([('{ path = "model" }', '{ path = "gone" }')], InputMissing, "there is no gone"),
        ([('{ path = "model" }', '{ path = "photos" }')], InputMissing, "photos holds no candidate.toml"),
        (
            [('role = "detector"', 'role = "speech"'), ('"length"', '"speech"')],
            RecipeInvalid,
            "for a model of role 'speech', and large is one of role 'detector'",
        ),
    ],
)
def test_refusals_come_before_work(place, changes, error, said):
    with pytest.raises(error, match=said):
        place.run("out", *changes)
    assert place.log() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"processor":', '"was":', None),  # another machine may give the same tensors
        ('"source/model": "', '"source/model": "0', "^source/model is .* and in the record 0"),
        ('"numpy": "', '"numpy": "0.1', "^numpy is .* and in the record 0.1"),
        ('"source/labels"', '"source/other"', "^source/labels is .* and in the record not there"),
        (None, None, "^half/model is .* and in the record 0 - bring"),
    ],
)
def test_a_run_is_held_to_the_record_of_another(place, old, new, said):
    first = place.run("one")
    if old:
        path = place.folder / "one" / record.FILE
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    else:
        half, *others = first.variants
        other = replace(half, files={**half.files, "model": replace(half.files["model"], sha256="0")})
        record.write(replace(first, variants=[other, *others]), place.folder / "one" / record.FILE)
    if said is None:
        place.run("two", locked=place.folder / "one")
        return
    with pytest.raises(LockBroken, match=said) as caught:
        place.run("two", locked=place.folder / "one")
    assert caught.value.exit_status == 1
    assert not (place.folder / "two" / "accepted").exists()


def test_another_run_in_the_folder_is_seen_before_work(place):
    message = "another run works in out"
    with Workspace(place.folder / "out").locked(), pytest.raises(UsageError, match=message):
        place.run()
    assert place.log() == []


LANGUAGE = """
name = "tiny"
extends = "language"
source = { path = "tiny.gguf" }
calibration = { path = "calibration.txt" }
data.text = { path = "text.txt", chunks = 24, context = 32 }
speed = false
prepare = [{ do = "convert" }, { do = "imatrix", chunks = 2, context = 64 }]
metrics = [
    { metric = "token-agreement", data = "text", at_least = 0.8 },
    { metric = "perplexity", data = "text" },
]
variants = [
    { name = "q2-k", steps = [{ do = "quantize", type = "Q2_K", imatrix = true }] },
    { name = "q4-k-m", steps = [{ do = "quantize", type = "Q4_K_M", imatrix = true, overrides.attn_v = "Q8_0" }] },
    { name = "q8-0", steps = [{ do = "quantize", type = "Q8_0" }] },
]
"""


def test_a_language_model_twice_gives_the_same_tensors(tmp_path, monkeypatch):
    """Its source counts as one of the catalog, as its random weights reach no floor."""
    monkeypatch.setattr(looks, "of_catalog", lambda model, sums: model.name)
    forked.use(monkeypatch, torch=False)

    def run(output, said=LANGUAGE, **options):
        (tmp_path / "recipe.toml").write_text(said)
        recipe = loading.load(str(tmp_path / "recipe.toml"))
        return engine.run(recipe, tmp_path / output, threads=1, watch=ignore, **options)

    tiny_llama.write(tmp_path / "tiny.gguf")
    (tmp_path / "calibration.txt").write_text(tiny_llama.prose(60))
    (tmp_path / "text.txt").write_text(tiny_llama.prose(900)[200:])
    found = run("one")
    accepted = {variant.name: variant.accepted for variant in found.variants}
    assert (accepted["q2-k"], accepted["q8-0"]) == (False, True)
    assert found.chosen == "q8-0"
    assert found.reference.metrics["token-agreement"] == 1
    assert found.variants[0].metrics["perplexity"] > 1
    again = run("two", locked=tmp_path / "one")
    assert [variant.files for variant in again.variants] == [variant.files for variant in found.variants]
    (tmp_path / "weights").mkdir()  # which are not converted
    (tmp_path / "weights" / "config.json").write_text("{}")
    (tmp_path / "weights" / "model.safetensors").write_bytes(bytes(8))
    said = LANGUAGE.replace('"tiny.gguf"', '"weights"').replace('do = "convert"', 'do = "quantize", type = "fp16"')
    with pytest.raises(RecipeInvalid, match="fp16 finds weights that are not converted yet") as caught:
        run("out", said)
    assert 'prepare = [{ do = "convert" }]' in caught.value.hint
