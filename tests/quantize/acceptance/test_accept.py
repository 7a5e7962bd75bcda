"""Deciding over scripted metrics, and over a real model and a damaged one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from helpers import damaged, tiny_llama
from helpers.looks import hits

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.acceptance import accept, gate, looks
from edge_assistant_quantize.acceptance.criteria import from_words
from edge_assistant_quantize.acceptance.intervals import spent
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.datasets.data import items
from edge_assistant_quantize.errors import CalibrationInvalid, NotAccepted, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics import metric as metrics
from edge_assistant_quantize.metrics.metric import Metric, Standard
from edge_assistant_quantize.progress import ignore

RUNTIME = Runtime(1)


@dataclass
class Scripted:
    """Gives two results over many items, and notes which models were measured on what."""

    shares: Mapping[str, float]
    relative: bool = False
    items: int = 400
    ran: list[tuple[str, object]] = field(default_factory=list)
    counted: int = 0

    @property
    def metric(self):
        return Metric(
            name="scripted",
            gives={
                "wrong": Standard(0.9, 0.1, task=True),
                "right": Standard(0.1, 0.1, task=True, whole=True),
                "beside": Standard(0.1, least=0),
            },
            roles=frozenset({"speech"}),
            description="scripted",
            keys={"path": "where nobody looks"},
            measure=self.measure,
            count=self.count,
            relative=self.relative,
        )

    def count(self, role, files, data):
        self.counted += 1
        return self.items

    def measure(self, run):
        if self.relative:
            run.compared("scripted")
        self.ran.append((run.model.name, run.data.get("path")))
        right = hits("right", self.shares[run.model.name])
        wrong = replace(right, metric="wrong", parts=tuple(1 - part for part in right.parts), lower_is_better=True)
        return wrong, right


def candidate(folder, name, role="speech"):
    (folder / f"{name}.onnx").write_bytes(name.encode())
    return Candidate(name, role, folder, {"model": f"{name}.onnx"})


def criterion(words):
    return from_words(words)[1]


@pytest.fixture
def scripted(monkeypatch):
    def install(relative=False):
        found = Scripted({"good": 0.85, "same": 0.85, "bad": 0.6}, relative)
        monkeypatch.setattr(metrics, "all_metrics", lambda: {"scripted": found.metric})
        return found

    return install


def test_verdicts_in_the_order_of_the_criteria(scripted, tmp_path):
    script = scripted()
    (tmp_path / "x").write_text("x")
    asked = [criterion(words) for words in ("right within_interval", "wrong at_most_worse=0.4", "wrong at_most=0.9")]
    good, bad = candidate(tmp_path, "good"), candidate(tmp_path, "bad")
    found = accept.decide(bad, good, asked, {"wrong": {"path": str(tmp_path / "x")}}, RUNTIME, ignore)
    assert [(verdict.metric, verdict.accepted) for verdict in found.verdicts] == [
        ("right", False),
        ("wrong", True),
        ("wrong", True),
    ]
    assert not found.accepted
    first, _, last = found.verdicts
    assert first.reference == pytest.approx(0.85)
    assert first.interval.difference == pytest.approx(-0.25)
    assert (first.compares, last.compares) == (True, False)
    assert last.interval.low <= last.value <= last.interval.high
    assert [name for name, _ in script.ran] == ["good", "bad"]  # once each, for three criteria of two results
    assert found.look.numbers == {"right": 1, "wrong": 1}


def test_what_gives_several_results_is_run_once(scripted, tmp_path):
    script = scripted()
    with candidate(tmp_path, "good").held() as (good, _):
        data = {"wrong": {"path": "x"}, "right": {"path": "x"}}
        assert set(accept.measure(good, None, data, RUNTIME, ignore)) == {"wrong", "right"}
        assert script.ran == [("good", "x")]
        with pytest.raises(RecipeInvalid, match="'right' is asked on other data"):
            accept.measure(good, None, {**data, "right": {"path": "y"}}, RUNTIME, ignore)


def test_a_relative_metric_says_its_own_value_of_a_reference_that_counts(scripted, tmp_path):
    script = scripted(relative=True)
    good, same = candidate(tmp_path, "good"), candidate(tmp_path, "same")
    found = accept.decide(same, good, [criterion("right at_least=0.5")], {"right": {}}, RUNTIME, ignore)
    (verdict,) = found.verdicts
    assert (verdict.reference, verdict.accepted) == (None, False)
    assert verdict.reason == "nothing says that good is not damaged itself"
    assert verdict.interval.low > 0.5
    assert [name for name, _ in script.ran] == ["same"]
    with pytest.raises(RecipeInvalid, match="right says by itself how far both agree"):
        accept.decide(same, good, [criterion("right within_interval")], {"right": {}}, RUNTIME, ignore)


def test_what_cannot_be_decided(scripted, tmp_path):
    scripted()
    good = candidate(tmp_path, "good")
    with pytest.raises(UsageError, match="'scripted' is no result"):
        accept.check([criterion("scripted within_interval")])
    said = "scripted measures speech, and the model is a detector"
    with candidate(tmp_path, "eye", "detector").held() as (eye, _), pytest.raises(UsageError, match=said):
        accept.measure(eye, None, {"wrong": {}}, RUNTIME, ignore)
    with pytest.raises(RecipeInvalid, match="beside is measured and decides nothing - ask wrong or right"):
        accept.check([criterion("beside at_least=0.5")])
    with pytest.raises(RecipeInvalid, match="right: 'at most 0 worse' holds on no data"):
        accept.check([criterion("right at_most_worse=0")])
    with good.held() as (model, _):
        with pytest.raises(UsageError, match="scripted reads no 'pth' of its data, but path"):
            accept.measure(model, None, {"wrong": {"pth": "x"}}, RUNTIME, ignore)
        results = accept.measure(model, None, {"wrong": {}}, RUNTIME, ignore)
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
        asked = [criterion("cosine at_least=0.99")]
        found = accept.decide(candidate_, reference, asked, data, RUNTIME, ignore)
        assert found.accepted is accepted, found.verdicts
        assert found.look.reference.sound == models("embedder").name
    with (
        reference.held() as (model, _),
        pytest.raises(CalibrationInvalid, match="is a directory"),
    ):
        accept.measure(model, model, {"cosine": {"path": str(tmp_path)}}, RUNTIME, ignore)


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
    few = replace(metrics.metric("cosine").gives["cosine"], least=20)  # items that decide: it is not about those
    script = replace(metrics.metric("cosine"), measure=meanwhile, gives={"cosine": few})
    monkeypatch.setattr(metrics, "all_metrics", lambda: {"cosine": script})
    folder = place if swapped != "data" else tmp_path / "good"
    model = Candidate("mine", "embedder", folder, reference.files, reference.options)
    data = {"cosine": {"path": str(texts)}}
    found = accept.decide(model, reference, [criterion("cosine at_least=0.8")], data, RUNTIME, ignore)
    assert (found.verdicts[0].value > 0.99) is (swapped == "data")
    assert seen == ["good 0 texts"]
    with model.held() as (_, sums):
        assert found.look.candidate.files == sums


def test_a_language_model_is_not_compared_with_its_own_file(tmp_path):
    """The losses of a text's few chunks tell nothing of it: their interval is wide, whatever the difference."""
    tiny_llama.write(tmp_path / "one.gguf")
    shutil.copyfile(tmp_path / "one.gguf", tmp_path / "other.gguf")
    one, other = (Candidate(name, "language", tmp_path, {"model": f"{name}.gguf"}) for name in ("one", "other"))
    (tmp_path / "text.txt").write_text(tiny_llama.prose(1500))
    asked = [criterion("log-perplexity at_most_worse=0.05")]
    data = {"log-perplexity": {"path": str(tmp_path / "text.txt"), "context": 8}}
    with pytest.raises(UsageError, match="one and other are the same file, so there is nothing to compare"):
        accept.decide(one, other, asked, data, RUNTIME, ignore)


@pytest.mark.parametrize(("look", "least"), [(1, 120), (2, 161), (10, 266)])
def test_a_rare_large_loss_has_to_be_seen_with_the_confidence_of_the_look(look, least):
    """In 3 % of the items, as of chunks that are 3 nats worse: in none of so many with what the look may spend."""
    assert 0.97**least <= spent(look)
    assert not gate._too_few(hits("log-perplexity", 0.5, least), look)
    assert "decide at look" in gate._too_few(hits("cosine", 0.5, least - 1), look)


def test_what_the_reference_misses_ends_it_before_the_candidate_runs(scripted, tmp_path):
    script = scripted()
    script.shares = {"dead": 0.02, "good": 0.85}
    good, dead = candidate(tmp_path, "good"), candidate(tmp_path, "dead")
    with pytest.raises(NotAccepted, match=r"nothing can be compared with dead: 'right' of dead is 0\.02 and may be"):
        accept.decide(good, dead, [criterion("right within_interval")], {"right": {}}, RUNTIME, ignore)
    assert [name for name, _ in script.ran] == ["dead"]


@pytest.mark.parametrize(
    ("items", "words", "needed"),
    [
        (19, "wrong at_most=0.9", 20),
        (33, "right within_interval", 34),  # 0.9 ** 34 is what a first look may spend
        (48, "right at_least=0.93", 49),
    ],
)
def test_data_that_can_never_show_it_is_not_measured(scripted, tmp_path, items, words, needed):
    script = scripted()
    script.items = items
    good = candidate(tmp_path, "good")
    with pytest.raises(CalibrationInvalid, match=f"^{items} independent items cannot .* takes at least {needed} - "):
        accept.decide(good, good, [criterion(words)], {"right": {}}, RUNTIME, ignore)
    assert not script.ran
    script.items += 1
    accept.check_data([criterion(words)], "speech", {}, {"right": {}})
    with pytest.raises(CalibrationInvalid, match="as a search looks at the other half"):
        accept.check_data([criterion(words)], "speech", {}, {"right": {}}, searched=True)


def test_items_are_counted_once_for_all_criteria_over_them(scripted):
    script = scripted()
    accept.check_data([criterion("wrong at_most=0.9"), criterion("right at_least=0.1")], "speech", {}, {"scripted": {}})
    assert script.counted == 1


def test_texts_of_a_voice_are_counted_before_it_speaks(tmp_path):
    (tmp_path / "texts.txt").write_text("".join(f"text {number}\n" for number in range(119)))
    asked, data = [criterion("heard within_interval")], {"heard": {"path": str(tmp_path / "texts.txt")}}
    with pytest.raises(CalibrationInvalid, match="119 independent items cannot show 'heard at most"):
        accept.check_data(asked, "voice", {}, data)
    (tmp_path / "texts.txt").write_text("".join(f"text {number}\n" for number in range(120)))
    accept.check_data(asked, "voice", {}, data)


@pytest.mark.parametrize(("asked", "apart"), [("presence", "precision"), ("presence_all", "presence")])
def test_what_keeps_a_result_honest_is_measured_on_the_same_data(asked, apart, tmp_path):
    """Else a detector that sees everything everywhere had its precision where everything is."""
    data = {asked: {"path": str(tmp_path)}, apart: {"path": str(tmp_path / "everything")}}
    with pytest.raises(RecipeInvalid, match=f"'{apart}' is asked on other data"):
        accept.check_data([criterion(f"{asked} within_interval")], "detector", {}, data)


def test_the_tables_of_standards_are_of_the_code_that_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(looks.importlib, "import_module", lambda name: SimpleNamespace(__path__=[str(tmp_path)]))
    sums = set()
    for floor in (0.2, 0.0):
        (tmp_path / "metrics.toml").write_text(f"floor = {floor}")
        sums.add(looks.code.__wrapped__())
    assert len(sums) == 2
