"""`recipe.lock`: what a run is held to, and the refusal for each thing that differs."""

from __future__ import annotations

import pytest

from edge_assistant_quantize.errors import InputMissing, LockBroken, RecipeInvalid
from edge_assistant_quantize.recipes import lock

OF_VERSION_0_1 = "709c464e30d68743ad42ce3512ddd1ef560fed6d01a62a5e4911eb772323866d"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([('architecture = "', 'architecture = "z')], None),  # another machine may give the same tensors
        ([('"source/model" = "', '"source/model" = "0')], "the input 'source/model' is not the one"),
        ([("numpy = ", 'numpy = "0.1" # ')], "and the lock file pins 0.1"),
        ([('recipe = "', 'recipe = "0')], "the recipe says other than"),
        ([('"half/model" = "', '"half/model" = "0')], "1 of 6 files have other tensors"),
        ([('"half/model" = "', '"half/model" = "0'), ('architecture = "', 'architecture = "z')], "of another class"),
    ],
)
def test_a_locked_run_refuses_what_differs(place, changes, said):
    place.run("one")
    pinned = place.folder / "one" / lock.FILE
    assert lock.read(pinned).recipe == OF_VERSION_0_1  # a lock file of an earlier build still holds a run to it
    text = pinned.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    pinned.write_text(text)
    if said is None:
        place.run("two", locked=pinned)
        assert lock.read(place.folder / "two" / lock.FILE).tensors == lock.read(pinned).tensors
        return
    with pytest.raises(LockBroken, match=said) as caught:
        place.run("two", locked=pinned)
    assert caught.value.exit_status == 1
    assert not (place.folder / "two" / "accepted").exists()


@pytest.mark.parametrize("content", [None, b"\xff", b"a = 1", b"= ="])
def test_a_file_that_is_no_lock(place, content):
    path = place.folder / "some.lock"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((InputMissing, RecipeInvalid), match="lock file"):
        place.run(locked=path)
