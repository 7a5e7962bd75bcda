"""Clients of the MCP server: the package's own, by both transports and in both eras, and one that says anything."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import mcp
from helpers.commands import COMMAND, HANGS
from helpers.gateways import TOKEN
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

ERAS = {"legacy": HANDSHAKE_PROTOCOL_VERSIONS[-1], LATEST_MODERN_VERSION: LATEST_MODERN_VERSION}
BY_STDIO = [*COMMAND, "serve", "--mcp", "stdio"]


class McpServer(NamedTuple):
    """A gateway that listens; `shared` is the folder that its policy names."""

    url: str
    home: Path
    shared: Path

    def post(self, message: object, **headers: str) -> httpx2.Response:
        """What is replied to one message; headers that are empty are left out."""
        given = {"authorization": f"Bearer {TOKEN}", "accept": "application/json, text/event-stream"} | headers
        with httpx2.Client(headers={name: value for name, value in given.items() if value}, timeout=HANGS) as http:
            return http.post(self.url, json=message)


@asynccontextmanager
async def connected(gateway: McpServer, transport: str, mode: str, **more: Any) -> AsyncIterator[Any]:
    """The package's client; it is given `more`, such as what asks its user."""
    if transport == "stdio":
        command, *words = BY_STDIO
        server = mcp.StdioServerParameters(command=command, args=words, env=dict(os.environ))
        async with mcp.Client(server, mode=mode, **more) as client:
            yield client
    else:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=HANGS) as http,
            mcp.Client(streamable_http_client(gateway.url, http_client=http), mode=mode, **more) as client,
        ):
            yield client
