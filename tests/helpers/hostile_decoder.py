"""A decoder that was taken over: confined as the real one, it does what the name of a signal says."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec

from edge_assistant.perception.decoders import wire
from edge_assistant.sandbox import confinement

PAGE = {"type": "page", "number": 1, "height": 1, "width": 1, "size": (1, 1), "scale": 1.0, "text_layer": None,
        "notes": ()}  # fmt: skip
DONE = {"type": "done"}


def say(channel: socket.socket, message: dict[str, Any] | bytes, array: bytes = b"") -> None:
    """Say anything."""
    header = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
    channel.sendall(wire.PREFIX.pack(len(header), len(array)) + header + array)


def page(channel: socket.socket, **changed: object) -> None:
    """Say a page of one pixel, with something else than it has."""
    say(channel, PAGE | changed, b"rgb")


def silent(channel: socket.socket) -> None:
    """Say nothing."""
    channel.send(wire.PREFIX.pack(1 << 20, 0) + b"half a header")
    time.sleep(3600)


def out_of_band(channel: socket.socket) -> None:
    """What is seen, but cannot be read."""
    channel.send(b"x", socket.MSG_OOB)
    time.sleep(3600)


def drops(channel: socket.socket) -> None:
    """Progress without work."""
    while True:
        say(channel, {"type": "progress", "done": 0.5})
        time.sleep(0.05)


def progress(channel: socket.socket) -> None:
    """Progress without end."""
    while True:
        say(channel, {"type": "progress", "done": 0.5})


def pages(channel: socket.socket) -> None:
    """Pages without end."""
    while True:
        page(channel)
        wire.receive(channel, wire.at_once)


def no_close(channel: socket.socket) -> None:
    """A page after the order to give no more."""
    page(channel)
    while True:
        wire.receive(channel, wire.at_once)
        page(channel)


def deep(channel: socket.socket) -> None:
    """A header in which each thing is in another."""
    say(channel, b"\x82\xa4type\xa4done\xa1x" + b"\x91" * 1_000_000 + b"\x90")


def latin(channel: socket.socket) -> None:
    """Letters that are none."""
    fault = {"type": "fault", "kind": "InputCorrupt", "message": "letters", "hint": ""}
    say(channel, msgspec.msgpack.encode(fault).replace(b"letters", b"\xff" * 7))


def runs(channel: socket.socket) -> None:
    """A text layer that takes a hundred times its own size."""
    count = 3_000_000
    before, after = msgspec.msgpack.encode(PAGE | {"text_layer": []}).split(b"text_layer\x90")
    layer = b"text_layer\xdd" + count.to_bytes(4, "big") + b"\x92\xa0\x94\0\0\0\0" * count
    say(channel, before + layer + after, b"rgb")


DOES: dict[str, Callable[[socket.socket], None]] = {
    "good": page,
    "silent": silent,
    "out of band": out_of_band,
    "drops": drops,
    "progress": progress,
    "pages": pages,
    "no close": no_close,
    "deep": deep,
    "latin": latin,
    "runs": runs,
    "notes": lambda channel: page(channel, notes=[("", None, "")] * 100_000),
    "box": lambda channel: page(channel, text_layer=[("a", (math.nan, 0.0, 1.0, 1.0))]),
    "scale": lambda channel: page(channel, scale=1e-300),
    "shape": lambda channel: page(channel, height=1 << 20, width=1 << 20),
    "array": lambda channel: channel.sendall(wire.PREFIX.pack(9, 1 << 30)),
    "header": lambda channel: channel.sendall(wire.PREFIX.pack(1 << 40, 0)),
    "nothing": lambda channel: None,
    "nothing, but work": lambda channel: None,
    "number": lambda channel: say(channel, {"type": "progress", "done": math.nan}),
}


def main(descriptor: int) -> None:
    """Take jobs."""
    channel = socket.socket(fileno=descriptor)
    wire.receive(channel, wire.at_once)
    confinement.confine((), 3 << 30)
    say(channel, {"type": "ready", "missing": ()})
    while True:
        prefix, *_ = socket.recv_fds(channel, wire.PREFIX.size, 1)
        header, _ = wire.receive(channel, wire.at_once, prefix)
        name = wire.job.decode(header).name
        DOES[name.removesuffix(" after")](channel)
        if name == "good":
            wire.receive(channel, wire.at_once)
        say(channel, DONE)
        if name.endswith(" after"):
            page(channel)
        while name == "nothing, but work":
            pass
