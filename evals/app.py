"""The app as somebody at the keys has it: first paint, echo of keys, stopping, cost of the camera's preview.

It is started on a terminal of its own and looked at from outside; no part of it is imported.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from edge_assistant.core.errors import UsageError
from edge_assistant_models import paths

NAME = "app"
HELP = "the app: first paint, keys while it answers, Escape, the camera's preview"

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("an empty app")
Empty().run()
"""
PROMPT = "sk over the signals"  # what the empty prompt says behind the cursor, which is on its first letter
QUESTION = "Write me a story of three hundred words about a lighthouse."
GLYPHS = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"  # typed one by one; none is drawn by anything else
_STARTS = 60.0  # seconds for what a start or a loaded model may take on a slow machine
_PAUSE = 0.15  # seconds between two keys, as somebody types


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--repeats", type=int, default=5, help="starts of each, and answers that are stopped (5)")
    parser.add_argument("--profile", metavar="NAME", default="starter", help="which models (starter)")
    parser.add_argument("--preview-seconds", type=float, default=20, help="how long the preview is looked at (20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    if find_spec("textual") is None:
        raise UsageError("textual is not installed", "install the extra 'tui'")
    with tempfile.TemporaryDirectory() as folder:
        # No settings, history or conversation to restore: neither counts in what is measured, nor gets anything of it.
        home = {
            "EDGE_ASSISTANT_HOME": folder,
            "EDGE_ASSISTANT_MODELS": str(paths.models_dir()),
            "EDGE_ASSISTANT_FREE_TALK": "true",
        }
        video = Path(folder) / "camera.mp4"
        write_video(video)
        figures = {
            **paint(args.profile, args.repeats, home),
            **keys(args.profile, args.repeats, home),
            **preview(args.profile, video, args.preview_seconds, home),
        }
    if args.json:
        print(json.dumps(figures))
        return 0
    print(f"first paint      {figures['paint_ms']:.0f} ms, an empty Textual app {figures['empty_ms']:.0f} ms")
    print(f"echo of a key    median {figures['key_median_ms']:.0f} ms, p95 {figures['key_p95_ms']:.0f} ms, answering")
    print(f"Escape to stop   median {figures['stop_median_ms']:.0f} ms, longest {figures['stop_max_ms']:.0f} ms")
    print(f"camera preview   {figures['preview_cores']:.1%} of one core")
    return 0


def paint(profile: str, repeats: int, home: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds from the command to its first screen, against an empty Textual app; medians, alternating."""
    taken: dict[str, list[float]] = {"paint_ms": [], "empty_ms": []}
    for _ in range(repeats):
        for name, command, text in (
            ("paint_ms", _app(profile), PROMPT),
            ("empty_ms", (sys.executable, "-c", EMPTY), "an empty app"),
        ):
            began = time.perf_counter()
            with Terminal(command, home) as terminal:
                taken[name].append(1000 * (terminal.wait(text, seconds=_STARTS) - began))
    return {name: statistics.median(values) for name, values in taken.items()}


def keys(profile: str, repeats: int, home: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds from a key to its echo while an answer is written, and from Escape to the word `stopped`.

    The app says that word at once; how soon what computes is at rest, `tests/language/test_engine.py` looks at.
    """
    echoes: list[float] = []
    stops: list[float] = []
    with Terminal(_app(profile), home) as terminal:
        terminal.wait(PROMPT, seconds=_STARTS)
        for _ in range(repeats):
            terminal.type(QUESTION + "\r")
            terminal.wait("chat", seconds=_STARTS)
            echoes += _echoes(terminal)
            at = terminal.type("\x1b")
            stops.append(1000 * (terminal.wait("stopped", seconds=_STARTS) - at))
            terminal.type("\x1b")  # clears the prompt
            terminal.wait(PROMPT, seconds=_STARTS)
    ordered = sorted(echoes)
    return {
        "key_median_ms": statistics.median(ordered),
        "key_p95_ms": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "keys": len(ordered),
        "stop_median_ms": statistics.median(stops),
        "stop_max_ms": max(stops),
    }


def _echoes(terminal: Terminal) -> list[float]:
    """The echoes of a few keys; fewer where the answer ends before."""
    found = []
    for glyph in GLYPHS:
        at = terminal.type(glyph)
        found.append(1000 * (terminal.wait(glyph, seconds=_STARTS) - at))
        terminal.rest(_PAUSE)
        if terminal.saw("tokens/s"):
            break
    return found


def preview(profile: str, video: Path, seconds: float, home: Mapping[str, str]) -> dict[str, float]:
    """How much of one core the camera's preview takes, over the app without it."""
    with Terminal((*_app(profile), "--camera", f"file:{video}"), home) as terminal:
        terminal.wait(PROMPT, seconds=_STARTS)
        terminal.rest(3)
        before = _load(terminal, seconds)
        terminal.type("\x1b[15~")  # F5
        terminal.rest(3)
        return {"preview_cores": _load(terminal, seconds) - before}


def _load(terminal: Terminal, seconds: float) -> float:
    """Cores that the app takes over a time."""
    began, used = time.perf_counter(), terminal.cpu()
    terminal.rest(seconds)
    return (terminal.cpu() - used) / (time.perf_counter() - began)


def _app(profile: str) -> Sequence[str]:
    return (sys.executable, "-m", "edge_assistant.cli.main", "--profile", profile)


def write_video(path: Path, seconds: int = 4, rate: int = 15) -> None:
    """Write a video of 640 x 480 in which everything moves, so that no frame is drawn for nothing."""
    import av
    import numpy as np

    y, x = np.mgrid[0:480, 0:640]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for at in range(seconds * rate):
            waves = [127 + 120 * np.sin((x * a + y * b) / 40 + at / 3) for a, b in ((1, 0), (0, 1), (1, 1))]
            rgb = np.stack(waves, axis=-1).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


KEPT = 1 << 20  # bytes of what was drawn that are looked through; a screen is some 20 KB


class Terminal:
    """A terminal of `columns` x `rows` that a program draws on.

    Args:
        command: the program.
        environment: what is added to this process's own.
        size: columns and rows.

    Attributes:
        drawn: the last bytes that came.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = (120, 36)
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.drawn = b""
        added = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **added}, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        os.close(self._master)

    def type(self, keys: str) -> float:
        """Type keys; what was drawn before is forgotten. Returns the time, as `time.perf_counter` gives it."""
        self.drawn = b""
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def wait(self, *texts: str, seconds: float) -> float:
        """Wait until one of the texts is drawn, and return when it was.

        Raises:
            UsageError: none of them came.
        """
        wanted = [text.encode() for text in texts]
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            if any(text in self.drawn for text in wanted):
                return time.perf_counter()
            self.read(0.05)
            if self._process.poll() is not None and not self.read(0.0):
                break
        shown = self.drawn[-300:].decode("utf-8", "replace")
        raise UsageError(f"the app did not draw {texts[0]!r}", f"it drew {shown!r}")

    def saw(self, text: str) -> bool:
        """Whether a text was drawn since the last key."""
        return text.encode() in self.drawn

    def read(self, seconds: float) -> bool:
        """Take what is drawn within some time; whether there was something."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            self.drawn = (self.drawn + os.read(self._master, 1 << 16))[-KEPT:]
        except OSError:  # the program has ended
            return False
        return True

    def rest(self, seconds: float) -> None:
        """Let the program go on for a time, taking what it draws."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)

    def cpu(self) -> float:
        """Seconds of computation of the program and all its children so far."""
        ticks = sum(_process_ticks(pid) for pid in _family(self._process.pid))
        return ticks / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text("ascii").split():
                found += _family(int(child))
    return found


def _process_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
