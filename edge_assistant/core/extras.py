"""The packages that extras bring, and what is said where one is missing."""

from __future__ import annotations

from importlib.util import find_spec

from edge_assistant.core.errors import UsageError

PACKAGES = {
    "audio": ("sounddevice",),
    "browser": ("textual_serve", "wsproto"),
    "serial": ("serial",),
    "serve": ("mcp", "python_multipart", "starlette", "uvicorn", "wyoming"),
    "tui": ("textual", "textual_image", "textual_plotext"),
}


def require(what: str, *extras: str, otherwise: str = "") -> None:
    """Make sure that the packages of some extras are there.

    Args:
        what: needs them.
        extras: all that it needs.
        otherwise: what else can be done than to install them.

    Raises:
        UsageError: one is missing.
    """
    for extra in extras:
        if missing := [name for name in PACKAGES[extra] if find_spec(name) is None]:
            told = f"{what} needs {', '.join(missing).replace('_', '-')}, which the extra '{extra}' brings"
            raise UsageError(told, f"run 'pip install edge-assistant-offline[{','.join(extras)}]'{otherwise}")
