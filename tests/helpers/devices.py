"""Devices that do what a script says, a record of what a keeper tells of one, and a sound server without sound."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_assistant.devices.device import Change, Device
from edge_assistant.devices.keeper import Keeper

PATIENCE = 20.0  # seconds until a test gives up; nothing is asserted on how long anything took


class Scripted:
    """A device whose opens and reads give, one after the other, what stands in the script, or raise it.

    At the script's end it gives None for ever, as a device does from which nothing comes.
    """

    def __init__(self, *script: Any, opens: Iterable[Exception | None] = ()) -> None:
        self.name = "a device"
        self._script, self._opens = list(script), list(opens)
        self.opened = self.closed = self.tried = 0

    def open(self) -> None:
        self.tried += 1
        if self._opens and (error := self._opens.pop(0)) is not None:
            raise error
        self.opened += 1

    def read(self) -> Any:
        if not self._script:
            time.sleep(0.01)
            return None
        item = self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


class Kept:
    """A device under a keeper, with all that it gave and all that was told of it."""

    def __init__(self, device: Device[Any], give: Callable[[Any], None] | None = None) -> None:
        self.items: list[Any] = []
        self.told: list[tuple[Change, str]] = []
        self._came = threading.Condition()
        self.keeper: Keeper[Any] = Keeper(device, give or self._give, self._changed)

    def __enter__(self) -> Kept:
        self.keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.stop()

    @property
    def changes(self) -> list[Change]:
        return [change for change, _ in self.told]

    def wait(self, happened: Callable[[], Any]) -> None:
        """Wait until something is so."""
        with self._came:
            assert self._came.wait_for(happened, PATIENCE), (self.told, len(self.items))

    def until(self, change: Change, count: int = 1) -> str:
        """Wait until a change was told so many times; its line."""
        self.wait(lambda: self.changes.count(change) >= count)
        return [text for this, text in self.told if this is change][count - 1]

    def _give(self, item: Any) -> None:
        with self._came:
            self.items.append(item)
            self._came.notify_all()

    def _changed(self, change: Change, text: str) -> None:
        with self._came:
            self.told.append((change, text))
            self._came.notify_all()


PROGRAMS = ("pulseaudio", "pactl", "paplay")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
_PATIENCE = 20.0


class Server:
    """What a test does to the server, by `pactl` as a person would."""

    def __init__(self) -> None:
        self._modules: dict[str, str] = {}

    def load(self, name: str, module: str, *settings: str) -> None:
        """Load a module, to be unloaded by a name."""
        self._modules[name] = _pactl("load-module", module, *settings).strip()

    def unload(self, name: str) -> None:
        """Unload a module; what stands on it goes with it."""
        _pactl("unload-module", self._modules.pop(name))

    def plug(self, name: str, shown: str) -> None:
        """A cable: a sink, and a microphone that hears what is played into it. It starts within 50 ms, not 2 s."""
        sink = [f"sink_name={name}", "norewinds=1", _described("sink", f"{shown} speaker")]
        self.load(name, "module-null-sink", *sink)
        source = [f"source_name={name}.mic", f"master={name}.monitor", _described("source", f"{shown} mic")]
        self.load(f"{name}.mic", "module-remap-source", *source)

    def unplug(self, name: str) -> None:
        """Take a cable away, with its microphone."""
        self.unplug_microphone(name)
        self.unload(name)

    def unplug_microphone(self, name: str) -> None:
        """Take only the microphone of a cable away."""
        if f"{name}.mic" in self._modules:
            self.unload(f"{name}.mic")

    def play(self, path: Path, name: str) -> None:
        subprocess.run(["paplay", f"--device={name}", str(path)], check=True, timeout=60)


def _pactl(*words: str) -> str:
    return subprocess.run(["pactl", *words], check=True, capture_output=True, text=True, timeout=20).stdout


def _described(kind: str, text: str) -> str:
    return f"{kind}_properties=device.description='{text}'".replace(" ", "\\ ")


@contextmanager
def running() -> Iterator[Server]:
    """A server for this process and all that it starts; without a cable at first."""
    with tempfile.TemporaryDirectory(prefix="pulse") as folder:  # a short path: a socket's has 107 characters
        socket = Path(folder) / "native"
        settings = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PULSE_RUNTIME_PATH"), folder)
        settings["PULSE_SERVER"] = f"unix:{socket}"
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        command += ["-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(socket)
                yield Server()
            finally:
                process.terminate()
                for name, value in before.items():
                    os.environ.pop(name) if value is None else os.environ.update({name: value})


def _wait(socket: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while subprocess.run(["pactl", "info"], capture_output=True).returncode != 0:
        assert time.monotonic() < until, f"pulseaudio did not start at {socket.name}"
        time.sleep(0.05)
