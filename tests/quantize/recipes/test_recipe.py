"""What a recipe may say, and the one line for each thing that it may not."""

from __future__ import annotations

import contextlib
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.recipes.recipe import Recipe, check, parse
from edge_assistant_quantize.record import Bound, Criterion

GOOD = """
name = "small"
role = "detector"
source = { path = "model" }
calibration = { path = "photos" }

[data]
photos = { path = "photos", limit = 3 }

[[metrics]]
metric = "length"
data = "photos"
at_least = 1

[[metrics]]
metric = "length"
data = "photos"

[[variants]]
name = "tiny"
steps = [{ do = "shrink", file = "model", to = 10, calibrated = true }]
"""

pytestmark = pytest.mark.usefixtures("scripted")


def read(text):
    return parse(tomllib.loads(text), "small.toml")


def test_a_recipe():
    recipe = read(GOOD)
    check(recipe)
    assert [variant.name for variant in recipe.variants] == ["tiny"]
    assert recipe.steps[0].file == "model"
    assert recipe.steps[0].parameters == {"to": 10, "calibrated": True, "search": False, "fails": False}
    assert recipe.metrics[0].criterion == Criterion("length", Bound.AT_LEAST, 1.0)
    assert recipe.metrics[1].criterion is None
    assert recipe.data["photos"] == {"path": "photos", "limit": 3}


AGAIN = '[[variants]]\nname = "tiny"\nsteps = [{ do = "shrink", to = 3 }]\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('do = "shrink"', 'do = "grow"', "variants[0].steps[0]: unknown step 'grow' (there are shrink)"),
        ('steps = [{ do = "shrink", file = "model", to = 10, calibrated = true }]', "", "variants[0]: missing"),
        ('role = "detector"', 'role = "oracle"', "unknown role 'oracle'"),
        ('name = "small"', 'name = "small"\ntext = "x"', "unknown key `text`"),
        ("to = 10", "to = 10, by = 3", "variants[0].steps[0]: unknown key `by`"),
        ("to = 10", "to = 0", "variants[0].steps[0]: to: expected `int` >= 1"),
        ('{ path = "model" }', '{ path = "model", model = "nanodet" }', "source: it needs one of 'model'"),
        ('{ path = "model" }', '{ path = "m", files = { model = "m.onnx" } }', "source: unknown key `files`"),
        ('{ path = "photos" }', "{ limit = 3 }", "'calibration' needs a 'path'"),
        ('photos = { path = "photos", limit = 3 }', "photos = {}", "data[...]: expected `object` of length >= 1"),
        (
            "at_least = 1",
            "within_interval = true\nat_least = 1",
            "metrics[0]: several criteria (give one of at_most_worse, ",
        ),
        ("at_least = 1", "at_least = nan", "metrics[0].at_least: expected `float` >= "),
        ('name = "small"', 'name = "small"\nlayers = "fp16"', "unknown key `layers`"),
        ("[[variants]]", AGAIN + "[[variants]]", "two variants have the same name"),
    ],
)
def test_an_error_is_one_line_that_names_the_key(old, new, said):
    assert old in GOOD
    with pytest.raises(RecipeInvalid) as caught:
        read(GOOD.replace(old, new))
    assert said in caught.value.message
    assert caught.value.message.startswith("small.toml: ")
    assert "\n" not in caught.value.message
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('source = { path = "model" }', "", "nothing says what is to be quantized"),
        ('data = "photos"', 'data = "pictures"', "measured on 'pictures', which is not given"),
        ('"photos"\n\n[[variants]]', '"more"\n\n[data.more]\npath = "x"\n\n[[variants]]', "are asked on two data sets"),
        ('calibration = { path = "photos" }', "", "shrink needs calibration data"),
        ("calibrated = true", "calibrated = true, search = true", "nothing says when a search may stop"),
    ],
)
def test_what_a_recipe_lacks_before_it_can_be_run(old, new, said):
    text = GOOD.replace(old, new)
    with pytest.raises(RecipeInvalid, match=said):
        check(read(text.replace("at_least = 1", "") if "search" in new else text))


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables | st.tuples(known, values).map(lambda pair: {**tomllib.loads(GOOD), pair[0]: pair[1]}))
def test_any_table_is_read_or_refused(table):
    with contextlib.suppress(RecipeInvalid):
        assert isinstance(parse(table, "x.toml"), Recipe)
