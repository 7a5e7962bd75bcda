"""Deciding over scripted metrics, and over a real model and a damaged one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from helpers import damaged

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.acceptance import accept
from edge_assistant_quantize.acceptance.criteria import from_words
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import CalibrationInvalid, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics import metric as metrics
from edge_assistant_quantize.metrics.metric import Measured, compared
from edge_assistant_quantize.progress import ignore

RUNTIME = Runtime(1)


@dataclass
class Scripted:
    """Gives two results of numbers that are written down, and notes which models were measured on what."""

    parts: Mapping[str, tuple[float, ...]]
    relative: bool = False
    name: str = "scripted"
    gives: tuple[str, ...] = ("wrong", "right")
    roles: frozenset[str] = frozenset({"speech"})
    description: str = "scripted"
    ran: list[tuple[str, object]] = field(default_factory=list)

    def measure(self, model, reference, data, runtime, watch):
        if self.relative:
            compared(self.name, reference)
        self.ran.append((model.name, data.get("path")))
        wrong = self.parts[model.name]
        right = tuple(10 - part for part in wrong)
        items = tuple(str(i) for i in range(len(wrong)))
        wholes = (10.0,) * len(wrong)
        return Measured("wrong", items, wrong, wholes, True), Measured("right", items, right, wholes, False)


def candidate(folder, name, role="speech"):
    (folder / f"{name}.onnx").write_bytes(name.encode())
    return Candidate(name, role, folder, {"model": f"{name}.onnx"})


def criterion(words):
    return from_words(words)[1]


@pytest.fixture
def scripted(monkeypatch):
    def install(relative=False):
        good = (0.0, 3.0, 1.0, 0.0, 2.0, 1.0, 0.0, 2.0) * 4  # enough items that a loss of two in ten is significant
        found = Scripted({"good": good, "same": good, "bad": tuple(part + 2 for part in good)}, relative)
        monkeypatch.setattr(metrics, "all_metrics", lambda: {"scripted": found})
        return found

    return install


def test_verdicts_in_the_order_of_the_criteria(scripted, tmp_path):
    script = scripted()
    asked = [criterion(words) for words in ("right within_interval", "wrong at_most_worse=0.3", "wrong at_least=0.1")]
    good, bad = candidate(tmp_path, "good"), candidate(tmp_path, "bad")
    verdicts = accept.decide(bad, good, asked, {"wrong": {"path": "x"}}, RUNTIME, ignore)
    assert [(verdict.metric, verdict.accepted) for verdict in verdicts] == [
        ("right", False),
        ("wrong", True),
        ("wrong", True),
    ]
    assert verdicts[0].reference == pytest.approx(1 - 9 / 80)
    assert verdicts[0].interval is not None
    assert verdicts[0].interval.difference == pytest.approx(-0.2)
    assert script.ran == [("good", "x"), ("bad", "x")]  # once each, for three criteria of two results


def test_what_is_known_is_not_measured_again_and_each_result_is_of_its_data(scripted, tmp_path):
    script = scripted()
    good, same = candidate(tmp_path, "good"), candidate(tmp_path, "same")
    data = {"scripted": {"path": "x"}}
    known = accept.measure(good, None, data, RUNTIME, ignore)
    script.ran.clear()
    (verdict,) = accept.decide(same, good, [criterion("wrong within_interval")], data, RUNTIME, ignore, known=known)
    assert verdict.accepted
    data = {"wrong": {"path": "x"}, "right": {"path": "y"}}
    assert set(accept.measure(good, None, data, RUNTIME, ignore)) == {"wrong", "right"}
    assert script.ran == [("same", "x"), ("good", "x"), ("good", "y")]


def test_a_relative_metric_says_its_own_value(scripted, tmp_path):
    script = scripted(relative=True)
    good, bad = candidate(tmp_path, "good"), candidate(tmp_path, "bad")
    (verdict,) = accept.decide(bad, good, [criterion("right at_least=0.8")], {"right": {}}, RUNTIME, ignore)
    assert (verdict.reference, verdict.interval, verdict.accepted) == (None, None, False)
    assert [name for name, _ in script.ran] == ["bad"]
    with pytest.raises(RecipeInvalid, match="right says by itself how far both agree"):
        accept.decide(bad, good, [criterion("right within_interval")], {"right": {}}, RUNTIME, ignore)


def test_what_cannot_be_decided(scripted, tmp_path):
    scripted()
    good = candidate(tmp_path, "good")
    with pytest.raises(UsageError, match="'scripted' is no result"):
        accept.check([criterion("scripted within_interval")])
    with pytest.raises(UsageError, match="nothing was measured that says 'right'"):
        accept.judge([criterion("right at_least=1")], {}, {})
    with pytest.raises(UsageError, match="scripted measures speech, and eye is a detector"):
        accept.measure(candidate(tmp_path, "eye", "detector"), None, {"wrong": {}}, RUNTIME, ignore)
    results = accept.measure(good, None, {"wrong": {}}, RUNTIME, ignore)
    with pytest.raises(UsageError, match="nothing was measured that says 'wrong'"):
        accept.judge([criterion("wrong within_interval")], results, {})


def installed(model):
    folder = model.files["model"].parent
    return Candidate(model.name, "embedder", folder, {key: path.name for key, path in model.files.items()})


def test_a_real_model_against_itself_and_against_damage(tmp_path, models):
    reference = installed(models("embedder"))
    (tmp_path / "texts.txt").write_text("Where is the key?\nThe pump runs at 40 degrees.\nWho counted the bottles?\n")
    for path in reference.paths.values():
        if path.suffix != ".onnx":  # a link to it would be a change of it, for whoever loads it meanwhile
            shutil.copyfile(path, tmp_path / path.name)
    damaged.damaged(models("embedder"), "model", tmp_path, damaged.noisy(1.0))
    worse = Candidate("worse", "embedder", tmp_path, reference.files)
    data = {"cosine": {"path": str(tmp_path / "texts.txt")}}
    for candidate_, accepted in ((reference, True), (worse, False)):
        asked = [criterion("cosine at_least=0.99")]
        (verdict,) = accept.decide(candidate_, reference, asked, data, RUNTIME, ignore)
        assert verdict.accepted is accepted, verdict
    with pytest.raises(CalibrationInvalid, match="is not text"):
        accept.measure(reference, reference, {"cosine": {"path": str(tmp_path)}}, RUNTIME, ignore)
