"""Approvals by elicitation: the user of an MCP client confirms values where the policy wants that.

The resident says what is to be confirmed, and compares it with what was; nothing waits in it meanwhile. Clients of the
older era are asked within their call. Those of 2026-07-28 get the questions as the result and call again with the
answers, and a state that is sealed: for the same client, tool and arguments, for five minutes, once.
https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS, is_version_at_least
from pydantic import ValidationError

from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import printable
from edge_assistant.serve.calls import Busy

LASTS_S = 300.0  # from the questions to their answers
OPEN = 128  # that wait for answers: of clients that call again, the oldest of which is dropped, and of the others
_KEY = "values"  # of the only request among those that a result holds
_MESSAGE = "The answer rests on these values, and the policy wants a person to confirm them: is each one right?"
_FIRST_VERSION = "2025-06-18"  # with elicitation


class Approvals:
    """What clients' users are asked.

    Attributes:
        boundary: seals the state that clients get, and lets only such a state in.
    """

    def __init__(self) -> None:
        """Begin with a key that only this process has."""
        security = RequestStateSecurity(keys=[secrets.token_bytes(32)], ttl=LASTS_S, bind_principal=_caller)
        self.boundary = RequestStateBoundary(security, default_audience="edge-assistant")
        self._open: dict[str, None] = {}
        self._asking = 0  # users within their calls

    def required(self, questions: Sequence[str]) -> InputRequiredResult:
        """The result for a client that calls again."""
        mark = secrets.token_urlsafe()
        self._open[mark] = None
        for oldest in list(self._open)[:-OPEN]:
            del self._open[oldest]
        form = ElicitRequestFormParams(message=_MESSAGE, requested_schema=_schema(questions))
        state = json.dumps([mark, *questions])
        return InputRequiredResult(input_requests={_KEY: ElicitRequest(params=form)}, request_state=state)

    def answered(self, params: CallToolRequestParams) -> tuple[str, ...] | None:
        """The questions to which the user said yes, of a call that was made again; None for a first call.

        Raises:
            UsageError: this was answered already, or waited too long.
        """
        if params.request_state is None:
            return None
        mark, *questions = json.loads(params.request_state)
        if mark not in self._open:
            raise UsageError("this confirmation was used already, or came too late", "call the tool again")
        del self._open[mark]
        reply = (params.input_responses or {}).get(_KEY)
        return _agreed(questions, reply) if isinstance(reply, ElicitResult) else ()

    async def elicited(self, context: ServerRequestContext, questions: Sequence[str]) -> tuple[str, ...]:
        """The questions to which the user says yes within the call; none where they or their client do not answer.

        Raises:
            Busy: too many users are asked already; some of their clients may be gone, which nobody is told.
        """
        if self._asking >= OPEN:
            raise Busy
        self._asking += 1
        try:
            async with asyncio.timeout(LASTS_S):
                reply = await context.session.elicit_form(_MESSAGE, _schema(questions), context.request_id)
        except (MCPError, TimeoutError, ValidationError):
            return ()
        finally:
            self._asking -= 1
        return _agreed(questions, reply)


def can_ask(context: ServerRequestContext) -> bool:
    """Whether the client has a form for its user; an empty capability means that, and one with a URL alone does not."""
    capabilities = context.session.client_capabilities
    found = capabilities.elicitation if capabilities else None
    return (
        found is not None
        and (found.form is not None or found.url is None)
        and is_version_at_least(context.protocol_version, _FIRST_VERSION)
    )


def calls_again(context: ServerRequestContext) -> bool:
    """Whether the client gets questions as a result; another one is asked within its call."""
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _schema(questions: Sequence[str]) -> dict[str, Any]:
    """A form with a box for each question, none of which is ticked."""
    boxes = {
        _box(number): {"type": "boolean", "title": printable(question), "default": False}
        for number, question in enumerate(questions, 1)
    }
    return {"type": "object", "properties": boxes, "required": list(boxes)}


def _box(number: int) -> str:
    return f"value_{number}"


def _agreed(questions: Sequence[str], reply: ElicitResult) -> tuple[str, ...]:
    ticked = reply.content or {} if reply.action == "accept" else {}
    return tuple(question for number, question in enumerate(questions, 1) if ticked.get(_box(number)) is True)


def _caller(context: ServerRequestContext[Any, Any]) -> str:
    """Who calls, as far as that can be told of clients with one token: program and address."""
    about = context.session.client_params
    peer = getattr(context.request, "client", None)
    return json.dumps([about and about.client_info.model_dump(), peer and peer.host])
