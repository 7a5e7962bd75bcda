"""Judging over scripted metrics, and a real model and a damaged one."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from helpers import damaged
from helpers.scripted_metric import Scripted
from msgspec import structs

from edge_assistant.core.errors import InputError
from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.datasets.data import items
from edge_assistant_quantize.errors import CalibrationInvalid, NotAccepted, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics import metric as metrics
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.recipes import judging, measurements, steps
from edge_assistant_quantize.recipes.recipe import Measurement, ModelSource, Recipe, RecipeVariant, check
from edge_assistant_quantize.recipes.step import Form, decode


def candidate(folder, name, role="speech"):
    (folder / f"{name}.bin").write_bytes(name.encode())
    return Candidate(name, role, folder, {"model": f"{name}.bin"})


def recipe(role, asked, data):
    """Of metrics as a command line has them, over one data set or each over the one of its name."""
    (*_, name) = data
    found = [
        structs.replace(each, data=each.data if each.data in data else name) for each in map(Measurement.of, asked)
    ]
    return Recipe(name="asked", role=role, variants=(), metrics=tuple(found), data=data, speed=False)


def judged(one, other, asked, data):
    return judging.judge(recipe(one.role, asked, data), one, other, threads=1, watch=ignore)


def measured(model, asked, data):
    with measurements.measuring(recipe(model.role, asked, data), 1, ignore) as job:
        return measurements.evaluated(job, model.name, Form.of(model), None)


def criterion(words):
    return Measurement.of(words).criterion


@pytest.fixture
def data(tmp_path):
    """A file that nobody looks into."""
    (tmp_path / "x").write_text("x")
    return {"data": {"path": str(tmp_path / "x")}}


@pytest.fixture
def scripted(monkeypatch):
    def install(relative=False):
        found = Scripted({"good": 0.85, "same": 0.85, "bad": 0.6}, relative)
        monkeypatch.setattr(metrics, "all_metrics", lambda: {"scripted": found.metric})
        return found

    return install


def test_verdicts_in_the_order_of_the_criteria(scripted, data, tmp_path):
    script = scripted()
    asked = ["right within_interval", "wrong at_most_worse=0.4", "wrong at_most=0.9"]
    good, bad = candidate(tmp_path, "good"), candidate(tmp_path, "bad")
    found = judged(bad, good, asked, data)
    (form,), (look,) = found.variants, found.looks
    assert [(verdict.metric, verdict.accepted) for verdict in form.verdicts] == [
        ("right", False),
        ("wrong", True),
        ("wrong", True),
    ]
    assert (form.accepted, found.chosen, found.reference.name) == (False, "", "good")
    first, _, last = form.verdicts
    assert first.reference == pytest.approx(0.85)
    assert first.interval.difference == pytest.approx(-0.25)
    assert (first.compares, last.compares) == (True, False)
    assert last.interval.low <= last.value <= last.interval.high
    assert [name for name, _ in script.ran] == ["good", "bad"]  # once each, for three criteria of two results
    assert look.numbers == {"right": 1, "wrong": 1}


def test_a_relative_metric_says_its_own_value_of_a_reference_that_counts(scripted, data, tmp_path):
    script = scripted(relative=True)
    good, same = candidate(tmp_path, "good"), candidate(tmp_path, "same")
    found = judged(same, good, ["right at_least=0.5"], data)
    (verdict,) = found.variants[0].verdicts
    assert (verdict.reference, verdict.accepted) == (None, False)
    assert verdict.reason == "nothing says that good is not damaged itself"
    assert verdict.interval.low > 0.5
    assert [name for name, _ in script.ran] == ["same"]
    with pytest.raises(RecipeInvalid, match="right says by itself how far both agree"):
        judged(same, good, ["right within_interval"], data)


def test_what_cannot_be_decided(scripted, data, tmp_path):
    scripted()
    good = candidate(tmp_path, "good")
    eye = candidate(tmp_path, "eye", "detector")
    for model, words, error, said in (
        (good, "scripted within_interval", UsageError, "'scripted' is no result"),
        (eye, "wrong at_most=0.9", UsageError, "scripted measures speech, and the model is a detector"),
        (good, "beside at_least=0.5", RecipeInvalid, "beside is measured and decides nothing - ask wrong or right"),
        (good, "right at_most_worse=0", RecipeInvalid, "right: 'at most 0 worse' holds on no data"),
    ):
        with pytest.raises(error, match=said):
            judged(model, model, [words], data)
    with pytest.raises(UsageError, match="scripted reads no 'pth' of its data, but path"):
        judged(good, good, ["wrong at_most=0.9"], {"data": {**data["data"], "pth": "x"}})
    results = measured(good, ["wrong"], data)
    for given in (({}, results), (results, {})):
        with pytest.raises(UsageError, match="nothing was measured that says 'wrong'"):
            gate.searched([criterion("wrong within_interval")], *given)


def installed(model):
    folder = model.files["model"].parent
    files = {key: path.name for key, path in model.files.items()}
    return Candidate(model.name, "embedder", folder, files, model.options)


def test_a_real_model_against_itself_and_against_damage(tmp_path, models):
    reference = installed(models("embedder"))
    lines = [f"pump {number}" for number in range(120)]
    (tmp_path / "texts.txt").write_text("\n".join(lines))
    for path in reference.paths.values():
        if path.suffix != ".onnx":  # a link to it would be a change of it, for whoever loads it meanwhile
            shutil.copyfile(path, tmp_path / path.name)
    damaged.damaged(models("embedder"), "model", tmp_path, damaged.noisy(1.0))
    worse = Candidate("worse", "embedder", tmp_path, reference.files, reference.options)
    (tmp_path / "same").mkdir()
    for path in reference.paths.values():
        (tmp_path / "same" / path.name).write_bytes(path.read_bytes() + b"\x32\x01 " * (path.suffix == ".onnx"))
    same = Candidate("same", "embedder", tmp_path / "same", reference.files, reference.options)
    data = {"cosine": {"path": str(tmp_path / "texts.txt")}}
    for candidate_, accepted in ((same, True), (worse, False)):
        asked = ["cosine at_least=0.99"]
        found = judged(candidate_, reference, asked, data)
        assert found.variants[0].accepted is accepted, found.variants
        assert found.looks[0].reference.sound == models("embedder").name
    with pytest.raises(InputError, match="is a directory"):
        judged(same, reference, asked, {"cosine": {"path": str(tmp_path / "same")}})


@pytest.mark.parametrize("swapped", ["model", "folder", "data"])
def test_what_is_hashed_is_measured_whatever_its_path_leads_to_meanwhile(tmp_path, models, monkeypatch, swapped):
    """Links and folders are exchanged once everything is hashed, and put back before anybody looks again."""
    reference = installed(models("embedder"))
    place = tmp_path / "place"
    for name, change in (("bad", damaged.noisy(1.0)), ("good", damaged.noisy(0.0))):
        for path in reference.paths.values():
            if path.suffix != ".onnx":
                (tmp_path / name).mkdir(exist_ok=True)
                shutil.copyfile(path, tmp_path / name / path.name)
        damaged.damaged(models("embedder"), "model", tmp_path / name, change)
        (tmp_path / name / "texts.txt").write_text("\n".join(f"{name} {number} texts" for number in range(20)))
    texts = place / "texts.txt" if swapped == "data" else tmp_path / "good" / "texts.txt"

    def point(name):
        if swapped == "folder":
            if place.exists():
                place.rename(tmp_path / next(each for each in ("bad", "good") if not (tmp_path / each).exists()))
            (tmp_path / name).rename(place)
        else:
            place.unlink(missing_ok=True)
            place.symlink_to(tmp_path / name)

    measure, first = metrics.metric("cosine").measure, "bad" if swapped != "data" else "good"
    other = {"bad": "good", "good": "bad"}[first]
    seen = []

    def meanwhile(run):
        point(other)
        try:
            seen.append(items("embedder", run.data)["text 1"])
            return measure(run)
        finally:
            point(first)

    point(first)
    few = structs.replace(metrics.metric("cosine").gives["cosine"], least=20)  # that decide: it is not about those
    script = structs.replace(metrics.metric("cosine"), measure=meanwhile, gives={"cosine": few})
    monkeypatch.setattr(metrics, "all_metrics", lambda: {"cosine": script})
    folder = place if swapped != "data" else tmp_path / "good"
    model = Candidate("mine", "embedder", folder, reference.files, reference.options)
    data = {"cosine": {"path": str(texts)}}
    found = judged(model, reference, ["cosine at_least=0.8"], data)
    assert (found.variants[0].verdicts[0].value > 0.99) is (swapped == "data")
    assert seen == ["good 0 texts"]
    with model.held() as (_, sums):
        assert found.looks[0].candidate.files == sums


def test_a_language_model_is_not_compared_with_its_own_file(tmp_path, data):
    """It would be accepted in place of itself, or refused as a text's few chunks have a wide interval."""
    one = candidate(tmp_path, "one", "language")
    with pytest.raises(UsageError, match="other and one are the same file, so there is nothing to compare"):
        judged(replace(one, name="other"), one, ["log-perplexity at_most_worse=0.05"], data)


def test_what_the_reference_misses_ends_it_before_the_candidate_runs(scripted, data, tmp_path):
    script = scripted()
    script.shares = {"dead": 0.02, "good": 0.85}
    good, dead = candidate(tmp_path, "good"), candidate(tmp_path, "dead")
    with pytest.raises(NotAccepted, match=r"nothing can be compared with dead: 'right' of dead is 0\.02 and may be"):
        judged(good, dead, ["right within_interval"], data)
    assert [name for name, _ in script.ran] == ["dead"]


@pytest.mark.parametrize(
    ("items", "words", "needed"),
    [
        (19, "wrong at_most=0.9", 20),
        (33, "right within_interval", 34),  # 0.9 ** 34 is what a first look may spend
        (48, "right at_least=0.93", 49),
    ],
)
def test_data_that_can_never_show_it_is_measured_by_the_reference_alone(scripted, data, tmp_path, items, words, needed):
    script = scripted()
    script.items = items
    good, same = candidate(tmp_path, "good"), candidate(tmp_path, "same")
    with pytest.raises(CalibrationInvalid, match=f"^{items} independent items cannot .* takes at least {needed} - "):
        judged(same, good, [words], data)
    assert [name for name, _ in script.ran] == ["good"]
    script.items += 1
    judged(same, good, [words], data)


def test_too_few_files_are_refused_before_anything_is_measured(tmp_path):
    def few(made):
        with pytest.raises(CalibrationInvalid, match=r"^(19|119) independent items cannot show '(answered|heard) "):
            check(made)

    def texts(count):
        (tmp_path / "texts.txt").write_text("".join(f"text {number}\n" for number in range(count)))
        return recipe("voice", ["heard within_interval"], {"heard": {"path": str(tmp_path / "texts.txt")}})

    few(texts(119))
    check(texts(120))
    step = decode({"do": "quantize", "type": "static-int8", "exclude_until_accepted": 8}, steps.STEPS)
    source = {"source": ModelSource(model="x"), "calibration": {"path": "x"}}
    searching = {"variants": (RecipeVariant("small", (step,)),), **source}
    few(structs.replace(texts(239), **searching))  # half of them decide
    check(structs.replace(texts(240), **searching))

    def scenarios(**keys):
        return recipe("language", ["answered at_least=0.5"], {"answered": {"path": str(tmp_path), **keys}})

    for number in range(20):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "scenario.toml").touch()
    check(scenarios())
    few(scenarios(limit=19))


def test_too_little_data_of_a_relative_metric_is_a_look_of_other_models(scripted, data, tmp_path):
    script = scripted(relative=True)
    script.items = 19
    good, same, bad = (candidate(tmp_path, name) for name in ("good", "same", "bad"))
    with pytest.raises(CalibrationInvalid, match=r"^19 independent items cannot show 'right at least 0\.5"):
        judged(same, good, ["right at_least=0.5"], data)
    script.items = 400  # the first 19 are the same
    assert judged(bad, good, ["right at_least=0.5"], data).looks[0].numbers == {"right": 2}
    assert judged(same, good, ["right at_least=0.5"], data).looks[0].numbers == {"right": 2}  # the look at the bad one


@pytest.mark.parametrize(("asked", "apart"), [("presence", "precision"), ("presence_all", "presence")])
def test_what_keeps_a_result_honest_is_measured_on_the_same_data(asked, apart):
    """Else a detector that sees everything everywhere had its precision where everything is."""
    made = recipe("detector", [f"{asked} within_interval", apart], {asked: {"path": "x"}, apart: {"path": "all"}})
    with pytest.raises(RecipeInvalid, match=f"'{apart}' and another result of 'objects' are asked on two"):
        check(made)
