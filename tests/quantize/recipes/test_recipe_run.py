"""A recipe from its source to the accepted model, with scripted steps: nothing is done twice, what differs is said."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from helpers import killed
from helpers.recipe_steps import KILL, LOG, METRICS, STEPS

from edge_assistant_quantize import candidate, record
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import (
    InputMissing,
    LockBroken,
    ModelCorrupt,
    ModelTooLarge,
    RecipeInvalid,
    StorageFull,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.metrics import metric
from edge_assistant_quantize.progress import Step, ignore
from edge_assistant_quantize.recipes import engine, estimate, loading, lock
from edge_assistant_quantize.recipes.running import Outcome
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import File, Record, Variant, Verdict

RECIPE = """
name = "small"
role = "detector"
speed = false
source = { path = "model" }
calibration = { path = "photos" }

[data]
photos = { path = "photos" }

[[metrics]]
metric = "length"
data = "photos"
at_least = 0.5

[[prepare]]
do = "shrink"
file = "model"
to = 90

[[variants]]
name = "half"
steps = [{ do = "shrink", to = 60 }]

[[variants]]
name = "tenth"
steps = [{ do = "shrink", to = 10 }]

[[variants]]
name = "searched"
steps = [{ do = "shrink", to = 30, search = true }, { do = "shrink", to = 85, calibrated = true }]
"""


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    """The metrics of this test, and no record of what other tests did."""
    monkeypatch.setattr(metric, "all_metrics", lambda: METRICS)


@dataclass(frozen=True)
class Place:
    """A recipe with its model and data."""

    folder: Path

    def run(self, output: str = "out", text: str = RECIPE, **options: object) -> Record:
        (self.folder / "small.toml").write_text(text)
        recipe = loading.load(str(self.folder / "small.toml"), kinds=STEPS)
        chosen = {"threads": 1, "watch": ignore, **options}
        return engine.run(recipe, self.folder / output, **chosen)  # type: ignore[arg-type]

    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    for name in ("model", "photos"):
        (tmp_path / name).mkdir()
    (tmp_path / "model" / "weights.gguf").write_bytes(bytes(range(100)))
    (tmp_path / "model" / "labels.txt").write_text("cat\n")
    files = {"model": "weights.gguf", "labels": "labels.txt"}
    Candidate("large", "detector", tmp_path / "model", files, {"size": 3}).write()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"one")
    return Place(tmp_path)


def test_the_smallest_accepted_variant_is_taken(place):
    found = place.run()
    accepted = {variant.name: variant.accepted for variant in found.variants}
    assert accepted == {"half": True, "tenth": False, "searched": True}
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
    assert found.recipe == RECIPE


def test_a_second_run_does_nothing_and_gives_the_same_record(place):
    first = place.run()
    done = place.log()
    written = (place.folder / "out" / "accepted" / "model.gguf").stat().st_mtime_ns
    assert place.run() == first
    assert place.log() == done
    assert (place.folder / "out" / "accepted" / "model.gguf").stat().st_mtime_ns == written


def test_what_changed_and_what_rests_on_it_is_done_again_and_nothing_else(place):
    place.run()
    before = len(place.log())
    place.run(text=RECIPE.replace("to = 60", "to = 70"))
    assert place.log()[before:] == ["shrink model 70", "length 70"]
    before = len(place.log())
    (place.folder / "photos" / "two.jpg").write_bytes(b"two")
    place.run(text=RECIPE.replace("to = 60", "to = 70"))
    again = place.log()[before:]
    assert "shrink model 90" not in again  # the preparation needs no data
    assert "shrink model 70" not in again
    assert "length 70" in again
    assert "shrink model 85" in again  # is calibrated on the photos


def test_a_file_that_is_not_as_it_was_is_made_again(place):
    first = place.run()
    made = next((place.folder / "out" / "work").glob("*/model.gguf"))
    made.write_bytes(b"other")
    assert place.run() == first


def test_of_variants_about_as_small_the_fastest_is_taken():
    good = [Verdict("length", 1, 1, None, "", accepted=True)]
    sizes = {"slow": (100, 1.2), "fast": (104, 0.5), "large": (106, 0.1)}
    variants = [
        Variant(name, "", {"model": File("m", size, "")}, speed={"ratio": ratio}, verdicts=good)
        for name, (size, ratio) in sizes.items()
    ]
    assert Outcome(variants[0], variants, {}, [], {}).chosen() == "fast"
    silent = [msgspec.structs.replace(variant, speed={}) for variant in reversed(variants)]
    assert Outcome(silent[0], silent, {}, [], {}).chosen() == "slow"


def test_none_is_accepted(place):
    found = place.run(text=RECIPE.replace("at_least = 0.5", "at_least = 2").replace(", search = true", ""))
    assert found.chosen == ""
    assert not (place.folder / "out" / "accepted").exists()


def test_what_was_accepted_before_goes_where_none_is_now(place):
    place.run()
    assert (place.folder / "out" / "accepted").exists()
    place.run(text=RECIPE.replace("at_least = 0.5", "at_least = 2").replace(", search = true", ""))
    assert not (place.folder / "out" / "accepted").exists()


def test_a_variant_that_a_library_cannot_make_is_told_of(place):
    found = place.run(text=RECIPE.replace('{ do = "shrink", to = 60 }', '{ do = "shrink", to = 60, fails = true }'))
    assert (found.variants[0].note, found.variants[0].accepted) == ("it cannot be shrunk", None)
    assert found.chosen == "searched"


def test_a_variant_whose_predictions_are_no_numbers_is_told_of(place, monkeypatch):
    from edge_assistant_quantize.recipes.measuring import Measuring

    results = Measuring.results

    def measured(self, form, reference):
        if form.sums["model"] != reference.sums["model"]:
            raise WeightsRefused("the model predicts what is no number", "quantize anew")
        return results(self, form, reference)

    monkeypatch.setattr(Measuring, "results", measured)
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


def is_killed(work: Callable[[], object], line: int) -> bool:
    """Do it in a process of its own that is killed in the middle of the step that writes that line of the log."""
    child = os.fork()
    if child == 0:
        os.environ[KILL] = str(line)
        try:
            work()
        finally:
            os._exit(0)
    return killed.ended(child)


def test_killed_anywhere_it_goes_on_and_what_was_done_is_not_done_again(place):
    whole = place.run("whole")
    everything = place.log()
    for line in range(1, len(everything) + 1):
        (place.folder / "log").unlink()
        assert is_killed(lambda output=f"killed{line}": place.run(output), line)
        done = place.log()
        assert done == everything[:line]
        assert place.run(f"killed{line}") == whole
        searched = ["shrink model 30"] * (done[-1] in {"length 30", "length 40", "length 50"})  # measured in that step
        assert place.log()[line:] == searched + everything[line - 1 :]
        assert not list((place.folder / f"killed{line}").rglob(".begun-*"))


def test_two_runs_in_one_folder(place):
    with Workspace(place.folder / "out").held(), pytest.raises(UsageError, match="another run works in out"):
        place.run()


def test_a_locked_run_gives_the_same_tensors(place):
    place.run("one")
    pinned = place.folder / "one" / lock.FILE
    place.run("two", locked=pinned)
    assert lock.read(place.folder / "two" / lock.FILE) == lock.read(pinned)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"source/model" = "', '"source/model" = "0', "the input 'source/model' is not the one"),
        ("numpy = ", 'numpy = "0.1" # ', "and the lock file pins 0.1"),
        ('recipe = "', 'recipe = "0', "the recipe says other than"),
        ('"half/model" = "', '"half/model" = "0', "1 of 6 files have other tensors"),
        ('architecture = "', 'architecture = "z', None),
    ],
)
def test_a_locked_run_refuses_what_differs(place, old, new, said):
    place.run("one")
    pinned = place.folder / "one" / lock.FILE
    text = pinned.read_text()
    assert old in text
    pinned.write_text(text.replace(old, new))
    if said is None:  # another machine may give the same tensors
        place.run("two", locked=pinned)
        return
    with pytest.raises(LockBroken, match=said) as caught:
        place.run("two", locked=pinned)
    assert caught.value.exit_status == 1
    assert not (place.folder / "two" / "accepted").exists()


def test_another_machine_is_named_where_tensors_differ(place):
    place.run("one")
    pinned = place.folder / "one" / lock.FILE
    text = pinned.read_text().replace('"half/model" = "', '"half/model" = "0').replace('"instructions" = ', "")
    pinned.write_text(text.replace('architecture = "', 'architecture = "z'))
    with pytest.raises(LockBroken, match="of another class"):
        place.run("two", locked=pinned)


@pytest.mark.parametrize("content", [None, b"\xff", b"a = 1", b"= ="])
def test_a_lock_file_that_is_none(place, content):
    path = place.folder / "some.lock"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((InputMissing, RecipeInvalid), match="lock file"):
        place.run(locked=path)


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
def test_what_is_said_before_anything_is_made(place, old, new, error, said):
    with pytest.raises(error, match=said):
        place.run(text=RECIPE.replace(old, new))
    assert place.log() == []


def test_a_source_of_another_role(place):
    text = RECIPE.replace('role = "detector"', 'role = "speech"').replace('"length"', '"speech"')
    with pytest.raises(RecipeInvalid, match="for a model of role 'speech', and large is one of role 'detector'"):
        place.run(text=text)


def test_room_is_looked_at_before(place, monkeypatch):
    monkeypatch.setattr("edge_assistant_quantize.room.available_memory", lambda: 10)
    with pytest.raises(ModelTooLarge, match="the recipe small needs"):
        place.run()
    monkeypatch.undo()


def test_the_disk_is_looked_at_before(place, monkeypatch):
    needs = estimate.Needs(1 << 60, 0, 0)
    monkeypatch.setattr(estimate, "needs", lambda recipe, source: needs)
    with pytest.raises(StorageFull, match="the recipe small needs"):
        place.run()
    assert place.log() == []


def test_the_record_is_json_that_others_read(place):
    place.run(command="edge-quantize run small.toml --output out")
    told = json.loads((place.folder / "out" / "record.json").read_text())
    assert told["commands"] == ["edge-quantize run small.toml --output out"]
    assert told["versions"]["edge-quantize"]
    assert told["machine"]["architecture"]
