"""PulseAudio of a test's own: a server in a temporary folder, with a sink that nobody hears."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
