"""What a recipe may say, and the one line for each thing that it may not."""

import tomllib
from pathlib import Path

import pytest
from helpers.recipe_steps import STEPS
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.acceptance import criteria
from edge_assistant_quantize.errors import EdgeAssistantError, InputMissing, RecipeInvalid
from edge_assistant_quantize.recipes import loading, schema
from edge_assistant_quantize.recipes.recipe import Recipe, ready

GOOD = """
name = "small"
role = "detector"
source = { path = "model" }
calibration = { path = "photos" }

[data]
photos = { path = "photos", limit = 3 }

[[metrics]]
metric = "presence"
data = "photos"
within_interval = true

[[metrics]]
metric = "map50"
data = "photos"

[[variants]]
name = "tiny"
steps = [{ do = "shrink", file = "model", to = 10, calibrated = true }]
"""


def read(text: str) -> Recipe:
    return schema.parse(tomllib.loads(text), "small.toml", kinds=STEPS)


def test_a_recipe():
    recipe = read(GOOD)
    ready(recipe)
    assert [variant.name for variant in recipe.variants] == ["tiny"]
    assert recipe.steps[0].files == ("model",)
    assert recipe.steps[0].parameters()["to"] == 10
    assert recipe.measurements[0].criterion == criteria.Criterion("presence", criteria.Bound.WITHIN_INTERVAL)
    assert recipe.measurements[1].criterion is None
    assert recipe.data["photos"] == {"path": "photos", "limit": 3}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('do = "shrink"', 'do = "grow"', "unknown step 'grow' (there are shrink)"),
        ('steps = [{ do = "shrink", file = "model", to = 10, calibrated = true }]', "", "variant 'tiny' has no steps"),
        ('role = "detector"', 'role = "oracle"', "unknown role 'oracle'"),
        ('name = "small"', "", "'name' is missing"),
        ("to = 10", "to = 10, by = 3", "unknown key 'by'"),
        ('{ path = "model" }', '{ path = "model", model = "nanodet" }', "needs one of 'model'"),
        (
            '{ path = "model" }',
            '{ path = "m", files = { "../up" = "m.onnx" } }',
            "the key '../up' is not of the form",
        ),
        ('{ path = "model" }', '{ path = "m", files = { model = "../m.onnx" } }', "'model' is not of the form"),
        ('{ path = "photos" }', "{ limit = 3 }", "'calibration' needs a 'path'"),
        ('photos = { path = "photos", limit = 3 }', "photos = {}", "'photos' is empty"),
        ("within_interval = true", "within_interval = true\nat_least = 1", "presence: 2 criteria"),
        ("within_interval = true", "at_least = nan", "'at_least' must be a number"),
        ("within_interval = true", "at_leest = 1", "unknown key 'at_leest'"),
        ('name = "small"', 'name = "small"\nlayers = "int9"', "'layers' is no method for ONNX files"),
        ('file = "model"', 'file = "model", files = ["model"]', "both 'file' and 'files'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(old, new, said):
    assert old in GOOD
    with pytest.raises(RecipeInvalid) as caught:
        read(GOOD.replace(old, new))
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_status == 2


def test_two_variants_of_one_name():
    again = '[[variants]]\nname = "tiny"\nsteps = [{ do = "shrink", to = 3 }]\n'
    with pytest.raises(RecipeInvalid, match="two variants have the same name"):
        read(GOOD + again)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('source = { path = "model" }', "", "nothing says what is to be quantized"),
        ('data = "photos"', 'data = "pictures"', "measured on 'pictures', which is not given"),
        ('calibration = { path = "photos" }', "", "shrink needs calibration data"),
        ("calibrated = true", "calibrated = true, search = true", "nothing says when a search may stop"),
    ],
)
def test_what_a_recipe_lacks_before_it_can_be_run(old, new, said):
    text = GOOD.replace(old, new)
    if "search" in new:
        text = text.replace("within_interval = true", "")
    with pytest.raises(RecipeInvalid, match=said):
        ready(read(text))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("shrink")
KEYS = """name role source reference calibration data metrics metric variants steps do file files to path model photos
at_least within_interval publish speed layers prepare description options sha256 profiles memory_mib"""
known = st.sampled_from(KEYS.split())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known | st.text(max_size=4), inner, max_size=5),
    max_leaves=25,
)
tables = st.dictionaries(known, values, max_size=12)


def is_read_or_refused(table: dict[str, object]) -> bool:
    try:
        return isinstance(schema.parse(table, "x.toml", kinds=STEPS), Recipe)
    except RecipeInvalid as error:
        return "\n" not in error.message


@given(tables)
def test_whatever_a_recipe_holds_it_is_one_or_is_refused(table):
    assert is_read_or_refused(table)


@given(st.sampled_from(sorted(tomllib.loads(GOOD))), values)
def test_one_wrong_value_in_a_good_recipe(key, value):
    assert is_read_or_refused({**tomllib.loads(GOOD), key: value})


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_a_file_holds(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "whatever.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeInvalid):
        loading.load(str(path), kinds=STEPS)


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_a_recipe_extends_another_and_paths_stay_with_the_file_that_names_them(tmp_path):
    write(tmp_path / "base" / "small.toml", GOOD)
    own = 'extends = "base/small.toml"\nname = "ours"\nsource = { model = "nanodet" }\ndata.photos.path = "mine"\n'
    recipe = loading.load(write(tmp_path / "own.toml", own), kinds=STEPS)
    assert recipe.name == "ours"
    assert recipe.source is not None
    assert (recipe.source.model, recipe.source.path) == ("nanodet", None)
    assert recipe.data["photos"] == {"path": str(tmp_path / "mine"), "limit": 3}
    assert recipe.calibration == {"path": str(tmp_path / "base" / "photos")}
    assert str(tmp_path) not in recipe.text
    again = loading.load(write(tmp_path / "again.toml", recipe.text), kinds=STEPS)
    assert (again.variants, again.data, again.source) == (recipe.variants, recipe.data, recipe.source)


def test_a_recipe_that_extends_none_is_recorded_as_it_was_written(tmp_path):
    assert loading.load(write(tmp_path / "small.toml", GOOD), kinds=STEPS).text == GOOD


def test_what_the_command_line_adds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "there" / "small.toml", GOOD)
    added = {"source": {"path": "other"}, "data": {"photos": {"path": "here"}}}
    recipe = loading.load(path, added, kinds=STEPS)
    assert recipe.source is not None
    assert recipe.source.path == tmp_path / "other"
    assert recipe.data["photos"] == {"path": str(tmp_path / "here"), "limit": 3}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('extends = "loop.toml"\n', "extends too many recipes, or itself"),
        ("extends = 3\n", "'extends' must be the name of a preset or a file"),
        ("a = " + "[" * 3000, "not TOML"),
        (".".join(["a"] * 3000) + " = 1", "not TOML|tables in more than 12 tables"),
        ("x = '" + "x" * (1 << 20) + "'", "larger than"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, content, said):
    with pytest.raises(RecipeInvalid, match=said):
        loading.load(write(tmp_path / "loop.toml", content), kinds=STEPS)


@pytest.mark.parametrize("named", ["nothing.toml", "nothing", "nul\0.toml"])
def test_a_recipe_that_is_not_there(named):
    with pytest.raises(InputMissing, match="there is no recipe") as caught:
        loading.load(named, kinds=STEPS)
    assert isinstance(caught.value, EdgeAssistantError)
