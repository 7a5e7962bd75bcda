"""What the resident does for the gateway, as far as the policy lets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import plain_model

from edge_assistant.cli import _service
from edge_assistant.cli._warm import Warm
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import PolicyRefused
from edge_assistant.core.signals import SAID, Kind, Origin, take_bytes, take_file
from edge_assistant.governance.audit import queries
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.policy import pin
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.storage.settings import Settings

WARM = Warm(Runtime(1))


@pytest.mark.parametrize(
    ("allowed", "task", "missing"),
    [
        (["ask"], ServiceTask.ASK, "attach"),
        (["ask"], ServiceTask.PERCEIVE, "attach"),
        (["ask", "attach"], ServiceTask.CHECK, "check"),
        (["check", "attach"], ServiceTask.ASK, "ask"),
        (["ask", "attach"], ServiceTask.SPEAK, "voice"),
    ],
)
def test_a_client_may_do_what_a_visitor_may(
    hold: Callable[[str], Path], tmp_path: Path, allowed: list[str], task: ServiceTask, missing: str
) -> None:
    hold(f'[roles]\npin = "{pin.hashed("147258", cost=1024)}"\nvisitor = {json.dumps(allowed)}\n')
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    message = ServiceMessage(task, ("Which?",), (take_file(tmp_path / "a.txt", Kind.TEXT, 1),))
    with pytest.raises(PolicyRefused, match=f"a visitor may not: {missing} "):
        _service.served(message, lambda event: None, lambda part: None, Settings(), WARM)


ROLES = (
    f'approval.by = "operator"\nroles.pin = "{pin.hashed("147258", cost=1024)}"\nroles.visitor = ["ask", "attach"]\n'
)


@pytest.mark.parametrize(("rules", "who"), [(ROLES, "the operator"), ("redaction.answers = true\n", "a human")])
def test_no_client_is_asked_for_a_pin_or_for_what_is_redacted(
    hold: Callable[[str], Path], tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch, rules: str, who: str
) -> None:
    plain_model.use(monkeypatch)
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    hold(f"approval.confirm_below = 1.0\n{rules}")
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    given = (take_file(tmp_path / "a.txt", Kind.TEXT, 1),)
    first = ServiceMessage(ServiceTask.ASK, ("Which allergies are known?",), given, asks=True)
    for message in (first, replace(first, confirmed=("text:1 says allergies known: latex",))):
        with pytest.raises(PolicyRefused, match=f"must be confirmed by {who}, and there is no terminal"):
            _service.served(message, lambda event: None, lambda part: None, Settings(profile="test"), WARM)


def test_what_is_filled_in_is_in_the_audit_trail_before_it_goes_out(
    hold: Callable[[str], Path], tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_model.use(monkeypatch)
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    hold("")
    (tmp_path / "a.txt").write_text("Allergies: latex.")
    given = (take_file(tmp_path / "a.txt", Kind.TEXT, 1),)
    schema = {"type": "object", "properties": {"allergies": {"type": "string"}}, "required": ["allergies"]}
    tool = {"type": "function", "function": {"name": "note", "parameters": schema}}
    message = ServiceMessage(ServiceTask.ASK, ("Which allergies are known?",), given)
    formal = replace(message, schema=json.dumps(schema)), replace(message, tools=json.dumps([[tool], "required"]))
    for one in (message, *formal):
        found, _ = _service.served(one, lambda event: None, lambda part: None, Settings(profile="test"), WARM)
    assert found["arguments"] == '{"allergies": "latex"}'
    trail = Trail()
    rows = queries.rows(trail, queries.RowFilter(kind="filled", last=9))
    assert len(rows) == len(formal)
    for row, function in zip(rows, ("", "note"), strict=True):
        key = trail.vault.existing(row.conversation)
        assert json.loads(row.body) == {
            "function": key.digest(function.encode()) if function else None,
            "digest": key.digest(b'{"allergies": "latex"}'),
            "verdicts": [
                {
                    "status": "single",
                    "matter": key.digest(b"allergies"),
                    "values": [{"digest": key.digest(b"latex"), "evidence": ["E1"]}],
                }
            ],
        }
        assert "latex" not in row.body


@pytest.mark.parametrize("task", [ServiceTask.ASK, ServiceTask.CHECK, ServiceTask.PERCEIVE])
def test_no_name_of_a_file_makes_it_what_the_policy_lets_everybody_say(
    hold: Callable[[str], Path], task: ServiceTask
) -> None:
    hold('[signals]\nkinds = ["text"]\n')
    sound = take_bytes(b"RIFF", Kind.AUDIO, 1, origin=Origin.USER, name=SAID)
    with pytest.raises(PolicyRefused, match="no signal of the kind audio"):
        _service.served(
            ServiceMessage(task, ("Which?",), (sound,)), lambda event: None, lambda part: None, Settings(), WARM
        )
