"""The parser of policy files: whatever comes in gives rules or problems, and each problem names its place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core import limits
from edge_assistant.core.errors import InputMissing
from edge_assistant.core.signals import printable
from edge_assistant.governance.policy import policy_file
from edge_assistant.governance.policy.rules import PolicyRules

TABLES = {field.name: field.type for field in msgspec.structs.fields(PolicyRules)}
GOOD: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "signals": {
        "kinds": st.lists(st.sampled_from(["image", "text", "audio"])),
        "origins": st.lists(st.sampled_from(["file", "camera"])),
    },
    "models": {"allowed": st.lists(st.text("abc-*", min_size=1)), "verify": st.sampled_from(["cached", "always"])},
    "profiles": {"allowed": st.lists(st.text("abc-*", min_size=1))},
    "devices": {name: st.lists(st.text("ab *", min_size=1)) for name in ("camera", "microphone", "speaker")},
    "export": {"formats": st.lists(st.sampled_from(["md", "json"])), "unredacted": st.booleans()},
    "redaction": {"answers": st.booleans()},
    "retention": {"history": st.booleans(), "history_days": st.integers(1, 36_500), "cache": st.booleans()},
    "approval": {"confirm_below": st.floats(0.01, 1)},
    "limits": {name: st.integers(1, limit.value) for name, limit in limits.table().items() if limit.lowers},
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def toml(tables: dict[str, Any]) -> bytes:
    return tomlkit.dumps(tables).encode()


@given(st.fixed_dictionaries({}, optional={t: st.fixed_dictionaries({}, optional=k) for t, k in GOOD.items()}))
def test_what_is_right_is_read(tables: dict[str, Any]) -> None:
    rules = policy_file.problems(toml(tables))
    assert isinstance(rules, PolicyRules), rules
    held = json.loads(msgspec.json.encode(rules))
    for table, keys in tables.items():
        assert {key: held[table][key] for key in keys} == keys


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_it_is_gives_rules_or_problems(data: bytes) -> None:
    found = policy_file.problems(data)
    assert isinstance(found, PolicyRules) or (found and all(line and printable(line) == line for line in found))


@given(st.dictionaries(st.sampled_from(sorted(TABLES)) | st.text(max_size=9), JUNK, max_size=4))
def test_whatever_it_says_gives_rules_or_problems(tables: dict[str, Any]) -> None:
    try:
        data = toml({key: value for key, value in tables.items() if value is not None})
    except (TypeError, ValueError, tomlkit.exceptions.TOMLKitError):
        return  # null stands in no TOML
    found = policy_file.problems(data)
    assert isinstance(found, PolicyRules) or found
    if not isinstance(found, PolicyRules):
        assert all(printable(line) == line for line in found)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = """
    [signals]
    kind = ["text"]
    kinds = ["sound", "text"]
    [limits]
    pages = 51
    cells = 3
    [roles]
    idle_minutes = 0
    [approval]
    confirm_below = 81
    [colours]
    """
    found = policy_file.problems(text.encode())
    assert isinstance(found, list)
    assert [line.split(", there are")[0].split(", did you")[0] for line in found] == [
        "unknown key signals.kind",
        "signals.kinds[0]: 'sound' is none of image, audio, video, readings, text",
        "limits.pages: expected `int` <= 50",
        "unknown key limits.cells",
        "roles.idle_minutes: expected `int` >= 1",
        "approval.confirm_below: expected `float` <= 1.0",
        "unknown key colours",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signals = 3", "signals: expected `object`, got `int`"),
        ("x = ", "it is not TOML (Invalid value (at end of document))"),
        ("[roles]\nvisitor = ['ask']", "roles.visitor: there are no roles without roles.pin, see 'policy pin'"),
        ("approval.by = 'operator'", "approval.by: there is no operator without roles.pin, see 'policy pin'"),
        ("roles.pin = '1234'", "roles.pin: that is not what 'edge-assistant policy pin' prints"),
        ("x = " + "[" * 5_000, "it is not TOML"),
        ("models.verify = true", "models.verify: expected `str`, got `bool`"),
    ],
)
def test_what_is_said(text: str, said: str) -> None:
    found = policy_file.problems(text.encode())
    assert isinstance(found, list)
    assert found[0].startswith(said)


def test_a_limit_can_only_be_lowered() -> None:
    for name, limit in limits.table().items():
        ok = policy_file.problems(f"[limits]\n{name} = {limit.value}\n".encode())
        assert isinstance(ok, PolicyRules) == limit.lowers
        assert isinstance(policy_file.problems(f"[limits]\n{name} = {limit.value + 1}\n".encode()), list)
        assert isinstance(policy_file.problems(f"[limits]\n{name} = 0\n".encode()), list)


def test_the_published_schema_is_the_one_that_is_read(pytestconfig: pytest.Config) -> None:
    kept = json.loads((pytestconfig.rootpath / "docs" / "policy.schema.json").read_text("utf-8"))
    assert kept == json.loads(json.dumps(policy_file.schema())), "run 'python tools/policy_schema.py'"


@pytest.mark.parametrize("name", ["hospital", "kiosk"])
def test_the_examples_are_right(pytestconfig: pytest.Config, name: str) -> None:
    folder = pytestconfig.rootpath / "examples" / "policies"
    assert policy_file.check(folder / f"{name}.toml") == []
    assert policy_file.check(folder) == [f"the policy {folder} cannot be read (Is a directory)"]
    with pytest.raises(InputMissing):
        policy_file.check(folder / "none.toml")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root's")
@pytest.mark.parametrize(("mode", "folder", "ways"), [(0o644, 0o755, 0), (0o666, 0o755, 1), (0o664, 0o777, 2)])
def test_who_else_can_write_it_is_said(tmp_path: Path, mode: int, folder: int, ways: int) -> None:
    file = tmp_path / "etc" / "policy.toml"
    file.parent.mkdir()
    file.write_text("")
    file.chmod(mode)
    file.parent.chmod(folder)
    assert len(policy_file.exposed(file)) == ways
    os.chown(file, 1000, 1000)
    assert f"others than root may write {file}" in policy_file.exposed(file)
