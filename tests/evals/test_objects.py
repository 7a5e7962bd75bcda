from __future__ import annotations

import argparse
import doctest
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import drawings

from edge_assistant.core.errors import InputCorrupt, InputMissing
from edge_assistant.perception.detectors import Detection
from edge_assistant.perception.senses.objects import Seen
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets.data import Labelled, labels_of
from evals import objects as bench
from evals.objects import average_precision, score

SIGN = {"label": "stop sign", "box": [228, 78, 184, 184]}
CLOCK = {"label": "clock", "box": [200, 100, 240, 240]}
UNSEEN = {"label": "bus", "box": [600, 440, 20, 20]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawings.stop_sign().save(tmp_path / "sign.png")
    drawings.clock().save(tmp_path / "clock.png")
    labels = {"sign.png": [SIGN, UNSEEN], "clock.png": [CLOCK]}
    document = {name: {"size": [640, 480], "objects": objects} for name, objects in labels.items()}
    (tmp_path / "labels.json").write_text(json.dumps(document))
    return tmp_path


@pytest.mark.parametrize(("as_json", "alone"), [(True, False), (False, True)])
def test_figures_of_two_drawings(
    folder: Path,
    models: Callable[[str], InstalledModel],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
    alone: bool,
) -> None:
    stand_in = SimpleNamespace(resolve=lambda _: {"detector": "detector", "classifier": "classifier"}, open=models)
    monkeypatch.setattr(bench, "Portfolio", lambda: stand_in)
    parser = argparse.ArgumentParser()
    bench.configure(parser)
    options = [*(["--json"] if as_json else []), *(["--alone"] if alone else [])]
    assert bench.run(parser.parse_args([str(folder), *options])) == 0
    out = capsys.readouterr().out
    if not as_json:
        assert "2 photos, nanodet, " in out
        return
    figures: dict[str, Any] = json.loads(out)
    assert figures["model"] == "nanodet and efficientnet-lite0"
    assert (figures["photos"], figures["presence_large"], figures["precision"], figures["counts"]) == (2, 1, 1, 1)
    assert figures["presence"] == figures["recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["map50"] == pytest.approx(2 / 3, abs=1e-4)


def test_two_boxes_on_one_object_count_once() -> None:
    labels = {"a": [Labelled("cat", (0, 0, 10, 10))]}
    seen = {"a": Seen((Detection("cat", 0.9, (0, 0, 10, 10)), Detection("cat", 0.8, (1, 0, 10, 10))), ())}
    figures = score(labels, seen, {"a": 100}, 1.0)
    assert (figures.recall, figures.counts, figures.precision, figures.map50) == (1, 0, 1, 1)


def test_a_wrong_label_and_a_suspicion() -> None:
    labels = {
        "a": [Labelled("cat", (0, 0, 10, 10)), Labelled("frisbee", (90, 90, 1, 1)), Labelled("cup", (50, 0, 9, 9))]
    }
    seen = Seen(
        (Detection("dog", 0.9, (0, 0, 10, 10)), Detection("cup", 0.9, (50, 0, 9, 9))),
        (Detection("frisbee", 0.2, (90, 90, 1, 1)), Detection("bus", 0.2, (0, 90, 9, 9))),
    )
    figures = score(labels, {"a": seen}, {"a": 1000}, 1.0)
    assert (figures.labels, figures.clear_counts, figures.confirmed) == (0.5, 0.5, 0.5)
    assert figures.confirmed_wrongly == pytest.approx(1 / 76, abs=1e-4)


def test_nothing_seen_is_nothing_right() -> None:
    figures = score({"a": [Labelled("cat", (0, 0, 10, 10))]}, {"a": Seen((), ())}, {"a": 100}, 1.0)
    assert (figures.presence, figures.precision, figures.counts, figures.map50) == (0, 0, 0, 0)


def test_average_precision_and_examples() -> None:
    assert average_precision([], 3) == 0
    assert average_precision([(0.5, True)], 2) == 0.5
    assert doctest.testmod(bench).failed == 0


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"a.png": {}}', '{"a.png": {"objects": [{"label": "x", "box": 1}]}}']
)
def test_wrong_labels_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(InputCorrupt):
        labels_of(tmp_path)


def test_missing_labels_are_refused(tmp_path: Path) -> None:
    assert labels_of(tmp_path) == {}
    with pytest.raises(InputMissing, match=r"has no labels\.json"):
        bench.measure(tmp_path, None)  # type: ignore[arg-type]


def test_a_name_that_leaves_the_folder_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"../secret.png": {"objects": []}}')
    with pytest.raises(InputCorrupt, match="names no picture"):
        labels_of(tmp_path)
