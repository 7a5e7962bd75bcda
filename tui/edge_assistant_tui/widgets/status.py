"""The line at the top: microphone, camera and voice on or off, the lock, memory."""

from __future__ import annotations

from pathlib import Path

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

_EVERY = 2.0  # seconds between two looks at the memory


class StatusBar(Static):
    """What is on and off, in words.

    Attributes:
        microphone, camera, voice: what each does now, such as `off`, `listening`, `lost`.
        activity: what is computed, or empty.
    """

    microphone: reactive[str] = reactive("off")
    camera: reactive[str] = reactive("off")
    voice: reactive[str] = reactive("off")
    activity: reactive[str] = reactive("")
    memory: reactive[int] = reactive(0)

    def on_mount(self) -> None:
        """Look at the memory from time to time."""
        self.set_interval(_EVERY, self._look)
        self._look()

    def _look(self) -> None:
        self.memory = memory_mib()

    def render(self) -> Content:
        """One line."""
        parts: list[tuple[str, str] | str] = [(" Edge Assistant ", "bold $primary")]
        for mark, name, state in (
            ("●", "mic", self.microphone),
            ("●", "camera", self.camera),
            ("●", "voice", self.voice),
        ):
            on = state not in {"off", "none"}
            style = "bold $text-error" if on and name != "voice" else "$text-muted" if not on else "$text-accent"
            parts.append((f" {mark if on else '○'} {name} {state} ", style))
        if self.activity:
            parts.append((f" {self.activity} ", "$text-accent"))
        parts.append((f" {self.memory} MiB", "$text-muted"))
        return Content.assemble(*parts)


def memory_mib() -> int:
    """Resident memory of this process in MiB; 0 where the system does not tell."""
    try:
        fields = Path("/proc/self/statm").read_text("ascii").split()
    except OSError:
        return 0
    import resource

    return int(fields[1]) * resource.getpagesize() >> 20
