"""MCP Inspector's CLI, unchanged, against the MCP server by both transports; prints what docs/mcp.md shows.

    python tools/mcp_inspector.py

Needed: the models of the profile, and Node 20 or newer, whose npm installs the Inspector into the product's cache
folder, once. The gateway has a home of its own; its clients may name the files of examples/.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from locked import ROOT

from edge_assistant_models import paths

VERSION = "0.17.5"
FOLDER = paths.cache_dir() / f"mcp-inspector-{VERSION}"
PROGRAM = FOLDER / "node_modules" / ".bin" / "mcp-inspector"
EXAMPLES = ROOT / "examples"
TOKEN = secrets.token_urlsafe()
COMMAND = (sys.executable, "-m", "edge_assistant.cli.main")
REMARK, NOTE, RECEIPT = (str(EXAMPLES / name) for name in ("line/remark.txt", "clinic/note.wav", "expense/receipt.jpg"))
CALLS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("ask", {"question": "What is the alarm limit?", "paths": [REMARK]}),
    ("check", {"paths": [RECEIPT, str(EXAMPLES / "expense" / "claim.wav")]}),
    ("perceive", {"paths": [REMARK]}),
    ("transcribe", {"path": NOTE}),
    ("perceive", {"paths": ["/etc/passwd"]}),
)


def inspected(*words: str) -> str:
    """What the Inspector says to one request, in a line: names of tools, the text of a result, or what went wrong."""
    ran = subprocess.run([PROGRAM, "--cli", *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        return f"fails: {ran.stderr.partition(chr(10))[0]}"
    found = json.loads(ran.stdout)
    if "tools" in found:
        return ", ".join(tool["name"] for tool in found["tools"])
    text = " ".join(found["content"][0]["text"].partition("\n\n")[0].split())
    return f"error: {text}" if found.get("isError") else text


def session(target: list[str]) -> Iterator[str]:
    """A line for each request to a server, which is a command or an address with headers."""
    yield f"tools/list  {inspected(*target, '--method', 'tools/list')}"
    for name, arguments in CALLS:
        given = [word for key, value in arguments.items() for word in ("--tool-arg", f"{key}={json.dumps(value)}")]
        yield f"{name:>10}  {inspected(*target, '--method', 'tools/call', '--tool-name', name, *given)}"


@contextmanager
def serving() -> Iterator[str]:
    """A gateway that listens, in a home that is gone afterwards; its address."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"EDGE_ASSISTANT_MODELS": str(paths.models_dir()), "EDGE_ASSISTANT_HOME": home}
        (Path(home) / "config").mkdir()
        policy = f'[serve]\naddresses = ["127.0.0.1", "stdio"]\nfolders = [{json.dumps(str(EXAMPLES))}]\n'
        (Path(home) / "config" / "policy.toml").write_text(policy)
        (Path(home) / "token").write_text(TOKEN)
        line = [*COMMAND, "serve", "--mcp", "127.0.0.1:0", "--token-file", f"{home}/token"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as broker:
            assert broker.stdout is not None
            try:
                yield f"http://{broker.stdout.readline().rpartition(' ')[2].strip()}/mcp"
            finally:
                broker.terminate()
                subprocess.run([*COMMAND, "resident", "stop"], stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    """Install the Inspector, let it ask, print."""
    if not PROGRAM.exists():
        package = f"@modelcontextprotocol/inspector@{VERSION}"
        subprocess.run(["npm", "install", "--prefix", FOLDER, package], stdout=sys.stderr, check=True)
    with serving() as url:
        for line in session([*COMMAND, "serve", "--mcp", "stdio"]):
            print(f"stdio  {line}", flush=True)
        token = ["--header", f"Authorization: Bearer {TOKEN}"]
        for line in session([url, *token]):
            print(f" http  {line}", flush=True)
        evil = [*token, "--header", "Origin: https://evil.example"]
        for wrong in (["--header", "Authorization: Bearer wrong"], evil):
            print(f" http  tools/list  {inspected(url, *wrong, '--method', 'tools/list')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
