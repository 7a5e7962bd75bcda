"""Values that the user of an MCP client confirms: asked in both eras, and what a client makes up opens nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import sounds
from helpers.gateways import housed, serving
from helpers.mcp_clients import ERAS, McpServer, connected
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, ClientCapabilities, ElicitResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from edge_assistant.core.errors import UsageError
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.serve import mcp_approval
from edge_assistant.serve.calls import Busy
from edge_assistant.serve.mcp_approval import Approvals, can_ask

QUESTION = "Which allergies are known?"
POLICY = '[serve]\naddresses = ["127.0.0.1", "stdio"]\nfolders = ["{}"]\n[approval]\nconfirm_below = 1.0\n'
ASKED = "text:1 says allergies known: latex, confidence"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[McpServer]:
    """One whose policy wants every value confirmed."""
    home, shared = tmp_path_factory.mktemp("mcp") / "home", tmp_path_factory.mktemp("shared")
    (shared / "a.txt").write_text("Allergies: latex.")
    with serving(home, store, "mcp", policy=POLICY.format(shared)) as running:
        yield McpServer(f"http://127.0.0.1:{running.port}/mcp", home, shared)


@pytest.fixture(autouse=True)
def in_its_home(gateway: McpServer, home: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has the home of the gateway, in place of an empty one."""
    housed(monkeypatch, gateway.home, store)


def decided() -> list[str]:
    """What the policy decided, by the audit trail."""
    query = "SELECT body FROM rows WHERE kind = 'policy' ORDER BY number"
    return [json.loads(body)["event"] for (body,) in Trail().read(lambda rows: rows.execute(query).fetchall())]


def replying(action: Any, *, ticked: bool = True) -> dict[str, Any]:
    """The user of the package's client, and what they are asked."""
    questions: list[str] = []

    async def reply(context: object, params: Any) -> ElicitResult:
        boxes = params.requested_schema["properties"]
        questions.extend(box["title"] for box in boxes.values())
        return ElicitResult(action=action, content=dict.fromkeys(boxes, ticked) if action == "accept" else None)

    return {"elicitation_callback": reply, "questions": questions}


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_an_answer_comes_once_the_user_confirmed_what_it_rests_on(
    gateway: McpServer, transport: str, mode: str
) -> None:
    steps: list[float] = []

    async def progress(step: float, total: float | None, message: str | None) -> None:
        steps.append(step)

    async def ask(**more: Any) -> Any:
        steps.clear()
        async with connected(gateway, transport, mode, **more) as client:
            arguments = {"question": QUESTION, "paths": [str(gateway.shared / "a.txt")]}
            return await client.call_tool("ask", arguments, progress_callback=progress)

    replies = [("accept", True), ("decline", False), ("cancel", False), ("accept", False)]
    for action, ticked in replies[: 1 if transport == "stdio" else None]:  # each starts a gateway there
        more = replying(action, ticked=ticked)
        questions = more.pop("questions")
        result = asyncio.run(ask(**more))
        assert [question.startswith(ASKED) for question in questions] == [True]
        if mode == "legacy":  # one call, whose progress only grows
            assert len(steps) > 2
            assert steps == sorted(set(steps))
        assert ("latex" in result.content[0].text) == ticked
        if ticked:
            assert result.structured_content["status"] == "supported"
        else:
            assert result.is_error
            assert "a value was not confirmed (approval.confirm_below)" in result.content[0].text
        assert decided()[-2:] == ["asked by a client", "confirmed" if ticked else "not confirmed"]
    result = asyncio.run(ask())
    assert result.is_error
    assert "1 of its values must be confirmed by a human, and there is no terminal" in result.content[0].text
    assert decided()[-1] == "nobody to confirm"


def called(gateway: McpServer, tool: str = "ask", **more: Any) -> dict[str, Any]:
    """What a client of 2026-07-28 that says what it likes is replied."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION,
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        "io.modelcontextprotocol/clientInfo": {"name": more.pop("client", "test"), "version": "1"},
    }
    paths = [str(gateway.shared / "a.txt")]
    arguments = {"question": QUESTION, "paths": paths} if tool == "ask" else {"paths": paths * 2}
    params = {"name": tool, "arguments": arguments, "_meta": meta} | more
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"mcp-protocol-version": LATEST_MODERN_VERSION, "mcp-method": "tools/call", "mcp-name": tool}
    reply = gateway.post(message, **headers)
    lines = [line[5:] for line in reply.text.splitlines() if line.startswith("data:")] or [reply.text]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def yes(reply: dict[str, Any]) -> dict[str, Any]:
    """What a client sends to tick every box that it was shown."""
    [(key, request)] = reply["result"]["inputRequests"].items()
    boxes = dict.fromkeys(request["params"]["requestedSchema"]["properties"], True)
    return {"inputResponses": {key: {"action": "accept", "content": boxes}}}


def test_a_confirmation_counts_for_the_call_that_asked_for_it_and_once(gateway: McpServer) -> None:
    asked = called(gateway)
    assert asked["result"]["resultType"] == "input_required"
    state, answers = asked["result"]["requestState"], yes(asked)
    assert "latex" not in state
    other = {"question": "Which allergies?", "paths": [str(gateway.shared / "a.txt")]}
    wrong: list[dict[str, Any]] = [
        {"requestState": state[:-4] + "AAAA"},
        {"requestState": json.dumps(["made up", f"{ASKED} 71%: is that right?"])},
        {"requestState": state, "arguments": other},
        {"requestState": state, "tool": "check"},
        {"requestState": state, "client": "another"},
    ]
    for given in wrong:
        refused = called(gateway, **answers, **given)
        assert refused["error"]["message"] == "Invalid or expired requestState", given
    assert called(gateway, **answers)["result"]["resultType"] == "input_required", "answers to nothing are not read"
    right = called(gateway, **answers, requestState=state)["result"]
    assert "latex" in right["content"][0]["text"]
    again = called(gateway, **answers, requestState=state)["result"]
    assert again["isError"]
    assert "was used already" in again["content"][0]["text"]
    assert "latex" not in json.dumps(again)


def test_what_a_model_heard_is_told_once_it_is_confirmed(gateway: McpServer) -> None:
    shutil.copy(sounds.FIXTURES / "bottles.wav", gateway.shared / "bottles.wav")
    heard = {"question": "How many bottles?", "paths": [str(gateway.shared / "bottles.wav")]}
    asked = called(gateway, arguments=heard)
    [request] = asked["result"]["inputRequests"].values()
    assert request["params"]["requestedSchema"]["properties"]["value_1"]["title"].startswith("audio:1 says bottles: ")
    found = called(gateway, arguments=heard, **yes(asked), requestState=asked["result"]["requestState"])["result"]
    assert found["structuredContent"]["answer"].startswith("6 ")


def test_an_answer_that_changed_meanwhile_is_not_the_one_that_was_confirmed(gateway: McpServer) -> None:
    file = gateway.shared / "a.txt"
    asked = called(gateway)
    file.write_text("Allergies: penicillin.")
    try:
        found = called(gateway, **yes(asked), requestState=asked["result"]["requestState"])["result"]
    finally:
        file.write_text("Allergies: latex.")
    assert "a value was not confirmed" in found["content"][0]["text"]
    assert "penicillin" not in json.dumps(found)
    assert decided()[-1] == "not confirmed"


def test_a_confirmation_expires(gateway: McpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    boundary = Approvals().boundary
    call = SimpleNamespace(
        method="tools/call",
        params={"name": "ask", "arguments": {}},
        request=None,
        session=SimpleNamespace(client_params=None),
    )
    call.params["requestState"] = boundary._seal(call, "[]")
    assert boundary._unseal(call)[0] == "[]"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + mcp_approval.LASTS_S + 1)
    with pytest.raises(Exception, match="Invalid or expired requestState"):
        boundary._unseal(call)


def test_questions_that_nobody_answers_are_forgotten() -> None:
    approvals = Approvals()
    states = [approvals.required(["right?"]).request_state for _ in range(mcp_approval.OPEN + 1)]

    def answered(state: str | None) -> tuple[str, ...] | None:
        reply = ElicitResult(action="accept", content={"value_1": True})
        return approvals.answered(
            CallToolRequestParams(name="ask", request_state=state, input_responses={"values": reply})
        )

    with pytest.raises(UsageError, match="came too late"):
        answered(states[0])
    assert answered(states[1]) == answered(states[-1]) == ("right?",)
    assert answered(None) is None


def test_clients_that_leave_while_their_user_is_asked_keep_few_calls_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_approval, "OPEN", 2)
    approvals, gone = Approvals(), asyncio.Event()

    async def elicit_form(message: str, schema: object, call: int) -> ElicitResult:
        await gone.wait()
        raise MCPError(code=-32000, message="closed")

    async def ask() -> list[object]:
        context: Any = SimpleNamespace(session=SimpleNamespace(elicit_form=elicit_form), request_id=1)
        asked = [asyncio.create_task(approvals.elicited(context, ["right?"])) for _ in range(3)]
        await asyncio.sleep(0)
        gone.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        return [*found, await approvals.elicited(context, ["right?"])]

    first, second, third, then = asyncio.run(ask())
    assert first == second == then == ()
    assert isinstance(third, Busy)


@pytest.mark.parametrize(
    ("declared", "version", "asks"),
    [
        ({"elicitation": {}}, LATEST_MODERN_VERSION, True),
        ({"elicitation": {"form": {}, "url": {}}}, HANDSHAKE_PROTOCOL_VERSIONS[-1], True),
        ({"elicitation": {"url": {}}}, LATEST_MODERN_VERSION, False),
        ({"elicitation": {}}, "2025-03-26", False),
        ({}, LATEST_MODERN_VERSION, False),
        (None, LATEST_MODERN_VERSION, False),
    ],
)
def test_only_a_client_with_a_form_is_asked(declared: dict[str, Any] | None, version: str, asks: bool) -> None:
    capabilities = None if declared is None else ClientCapabilities.model_validate(declared)
    context: Any = SimpleNamespace(session=SimpleNamespace(client_capabilities=capabilities), protocol_version=version)
    assert can_ask(context) is asks
