"""Errors as clients of OpenAI's API read them."""

from __future__ import annotations

import pytest

from edge_assistant.core.errors import (
    EdgeAssistantError,
    InputCorrupt,
    KeyLost,
    ModelMissing,
    PolicyRefused,
    ResidentLost,
    StorageFull,
    UsageError,
)
from edge_assistant.serve import replies


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (UsageError, 400),
        (InputCorrupt, 400),
        (PolicyRefused, 403),
        (ModelMissing, 503),
        (ResidentLost, 503),
        (StorageFull, 507),
        (KeyLost, 507),
        (EdgeAssistantError, 500),
    ],
)
def test_each_error_has_the_status_that_the_page_of_the_api_names(kind: type[EdgeAssistantError], status: int) -> None:
    reply = replies.of_error(kind("what", "do this"))
    assert (reply.status_code, reply.headers["x-should-retry"]) == (status, "false")
    assert b'"message":"what - do this"' in reply.body
