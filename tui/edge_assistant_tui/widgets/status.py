"""The line at the top: the offline lock, microphone, camera and voice on or off, what is computed, memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.signal import Signal
from textual.widgets import Static

from edge_assistant.governance.offline import lock

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

_EVERY = 2.0  # seconds between two looks at the memory


class StatusBar(Static):
    """What is on and off, in words.

    Attributes:
        microphone, camera, voice: what each does now, such as `off`, `listening`, `lost`.
        activity: what is computed, or empty.
        role: who is at the keys, `visitor` or `operator`; empty where there are no roles.
        device_changed: published with the new state of the microphone or the camera.
    """

    app: AppInterface

    microphone: reactive[str] = reactive("off")
    camera: reactive[str] = reactive("off")
    voice: reactive[str] = reactive("off")
    activity: reactive[str] = reactive("")
    role: reactive[str] = reactive("")
    memory: reactive[int] = reactive(0)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.device_changed: Signal[str] = Signal(self, "device")
        self._lock = lock.state()

    def watch_microphone(self, state: str) -> None:
        """Tell other screens."""
        self.device_changed.publish(state)

    def watch_camera(self, state: str) -> None:
        """Tell other screens."""
        self.device_changed.publish(state)

    def on_mount(self) -> None:
        """Look at the memory from time to time."""
        self.set_interval(_EVERY, self._look)
        self._look()

    def _look(self) -> None:
        self.memory = memory_mib()

    @property
    def devices(self) -> tuple[tuple[str, str], ...]:
        """Each device and what it does now."""
        return ("mic", self.microphone), ("camera", self.camera), ("voice", self.voice)

    def render(self) -> Content:
        """One line; where it is too narrow for all, the memory is left out."""
        say = self.app.gettext
        parts: list[tuple[str, str] | str] = [(" Edge Assistant ", "bold $primary")]
        parts.append((f" {say(self._lock.word)} ", "$text-success" if self._lock.locked else "bold $text-error"))
        parts += [_shown(say, name, state) for name, state in self.devices]
        if self.role:
            parts.append((f" {say(self.role)} ", "bold $text-warning" if self.role == "operator" else "$text-muted"))
        if self.activity:
            parts.append((f" {say(self.activity)} ", "$text-accent"))
        line = Content.assemble(*parts)
        memory = Content.styled(f" {self.memory} MiB", "$text-muted")
        return line + memory if line.cell_length + memory.cell_length <= self.size.width else line


class OnAir(Static):
    """A line at the top of another screen, while a microphone or a camera is on behind it."""

    DEFAULT_CSS = "OnAir { dock: top; height: 1; background: $panel; }"

    app: AppInterface

    def __init__(self, bar: StatusBar) -> None:
        super().__init__()
        self._bar = bar

    @classmethod
    def over(cls, screen: Screen[object], bar: StatusBar) -> None:
        """Be on a screen that hides the bar, once."""
        if screen is not bar.screen and not screen.is_modal and not screen.query(cls):
            screen.mount(cls(bar))

    def on_mount(self) -> None:
        """Tell every change."""
        self._bar.device_changed.subscribe(self, self._change)
        self._change()

    def on_unmount(self) -> None:
        """Be let go of: the bar lives on."""
        self._bar.device_changed.unsubscribe(self)

    def _change(self, _: str = "") -> None:
        on = [(name, state) for name, state in self._bar.devices if state != "off" and name != "voice"]
        self.display = bool(on)
        self.update(Content.assemble(*(_shown(self.app.gettext, name, state) for name, state in on)))


def _shown(say: Callable[[str], str], name: str, state: str) -> tuple[str, str]:
    """A device and its state, with a mark and a colour."""
    on = state != "off"
    style = "bold $text-error" if on and name != "voice" else "$text-accent" if on else "$text-muted"
    return f" {'●' if on else '○'} {say(name)} {say(state)} ", style


def memory_mib() -> int:
    """Resident memory of this process in MiB; 0 where the system does not tell."""
    try:
        fields = Path("/proc/self/statm").read_text("ascii").split()
    except OSError:
        return 0
    import resource

    return int(fields[1]) * resource.getpagesize() >> 20
