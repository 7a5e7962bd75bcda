"""The gateway's end of the socket to its broker: each wish gets its own answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from functools import partial
from pathlib import Path

import pytest
from helpers.scripted_resident import HANGS

from edge_assistant.cli import serve
from edge_assistant.core.errors import ResidentLost
from edge_assistant.governance.policy.rules import Serving
from edge_assistant.resident import server
from edge_assistant.serve import calls, messages, processes
from edge_assistant.serve.calls import Broker, Busy
from edge_assistant.serve.pty_process import PtyProcess


def test_a_wish_that_does_not_fit_the_socket_takes_no_answer_from_others() -> None:
    async def wishes(broker_s: socket.socket, gateway_s: socket.socket) -> None:
        broker = Broker(gateway_s)
        with contextlib.suppress(BlockingIOError):
            while True:
                gateway_s.send(messages.TURNED)
        with pytest.raises(Busy):
            await broker.connection()
        with contextlib.suppress(BlockingIOError):
            while True:
                broker_s.recv(100, socket.MSG_DONTWAIT)
        given, kept = socket.socketpair()
        with given, kept:
            wished = asyncio.create_task(broker.connection())
            await asyncio.sleep(0)
            assert broker_s.recv(100) == messages.CONNECT
            socket.send_fds(broker_s, [b"{}"], [given.fileno()])
            async with asyncio.timeout(HANGS):
                with await wished as found:
                    assert os.path.sameopenfile(found.fileno(), given.fileno())

    broker_s, gateway_s = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with broker_s, gateway_s:
        asyncio.run(wishes(broker_s, gateway_s))


def test_the_longest_names_of_a_folder_fit_one_message(tmp_path: Path) -> None:
    async def named(gateway_s: socket.socket) -> set[str]:
        found = await Broker(gateway_s).files()
        for file in found.values():
            file.close()
        return {*found}

    names = {os.fsdecode(b"\xff" * 248 + b"%03d.txt" % number) for number in range(messages.FILES)}
    for name in names:
        (tmp_path / name).write_text("a")
    broker_s, gateway_s = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    rules = Serving(wyoming_folder=str(tmp_path))
    grants = partial(serve._serve, processes.Fork(broker_s, 0, {}, {}), rules, PtyProcess(), starts=False)
    granting = threading.Thread(target=grants)
    with broker_s:
        granting.start()
        with gateway_s:
            assert asyncio.run(asyncio.wait_for(named(gateway_s), HANGS)) == names
        granting.join()


def test_who_waits_for_a_resident_holds_nobody_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wishes(gateway_s: socket.socket) -> None:
        broker = Broker(gateway_s)
        wished = asyncio.create_task(broker.connection())
        await asyncio.sleep(0.2)
        async with asyncio.timeout(HANGS):
            with pytest.raises(ResidentLost, match="no resident runs"):
                await broker.connection(starts=False)
            assert not wished.done()
            held = server.opened()
            (await wished).close()
            held.close()
            monkeypatch.setattr(calls, "STARTS_S", 0.0)
            with pytest.raises(ResidentLost, match="no resident can be started"):
                await broker.connection()

    broker_s, gateway_s = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    grants = partial(serve._serve, processes.Fork(broker_s, 0, {}, {}), Serving(), PtyProcess(), starts=False)
    granting = threading.Thread(target=grants)
    with broker_s:
        granting.start()
        with gateway_s:
            asyncio.run(wishes(gateway_s))
        granting.join()
