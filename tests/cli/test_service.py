"""What the resident does for the gateway, as far as the policy lets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from edge_assistant.cli import _service
from edge_assistant.cli._warm import Warm
from edge_assistant.core.errors import PolicyRefused
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.governance.policy import pin
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.storage.settings import Settings


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
        _service.served(message, lambda event: None, lambda part: None, Settings(), cast("Warm", None))
