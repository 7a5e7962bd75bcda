"""Play the demo in the app by keys alone, with the real models, and keep pictures of its screens.

    python tools/app_pictures.py docs/pictures

The pictures are SVG and load nothing from elsewhere. Needed: the starter models, the extra `tui`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from pathlib import Path

from textual.pilot import Pilot

from edge_assistant.governance.offline import lock
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options

ROOT = Path(__file__).resolve().parent.parent
CLINIC = [ROOT / "examples" / "clinic" / name for name in ("form.jpg", "note.wav", "vitals.csv")]
SIZES = {"small": (80, 24), "large": (160, 48)}
_FONT = re.compile(r"@font-face\s*\{[^}]*\}")  # Rich's pictures fetch their font from a server


class Play:
    """The app at the keys; each scene can be kept as a picture."""

    def __init__(self, pilot: Pilot[int], folder: Path, size: str) -> None:
        self._pilot = pilot
        self._folder = folder
        self._size = size

    async def type(self, text: str) -> None:
        """Type a line and send it."""
        names = {" ": "space", "?": "question_mark", "/": "slash", ".": "full_stop", "_": "underscore", "-": "minus"}
        await self._pilot.press(*(names.get(letter, letter) for letter in text), "enter")
        await self.settle()

    async def press(self, *keys: str) -> None:
        """Press keys and wait until what they began is over."""
        await self._pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is computed, loaded or drawn."""
        app = self._pilot.app
        assert isinstance(app, EdgeAssistant)
        for _ in range(3):
            await self._pilot.pause(0.5)
            while app.work.running:
                await self._pilot.pause(0.2)

    def keep(self, name: str) -> None:
        """Keep the screen as a picture."""
        picture = _FONT.sub("", self._pilot.app.export_screenshot())
        (self._folder / f"{name}-{self._size}.svg").write_text(picture, "utf-8")


async def demo(play: Play) -> None:
    """Three signals, a question, both sides of the contradiction, the curve behind a number, the export."""
    play.keep("empty")
    for path in CLINIC:
        await play.type(str(path.relative_to(Path.cwd())))
    await play.type("What is the patient allergic to?")
    play.keep("conflict")
    await play.press("ctrl+g", "enter")
    play.keep("evidence-picture")
    await play.press("n")
    play.keep("evidence-recording")
    await play.press("escape", "escape")
    await play.type("What was the highest heart rate?")
    await play.press("ctrl+g", "enter")
    play.keep("evidence-readings")
    await play.press("escape", "escape", "f7")
    play.keep("compare")
    await play.press("ctrl+s")
    play.keep("export")
    await play.press("escape", "f1")
    play.keep("help")


async def record(folder: Path) -> None:
    """The demo at each size."""
    for name, size in SIZES.items():
        app = EdgeAssistant(Options())
        async with app.run_test(size=size) as pilot:
            play = Play(pilot, folder, name)
            await play.settle()
            await demo(play)


def main() -> None:
    """Record into the folder that is named."""
    parser = argparse.ArgumentParser(description="Pictures of the app over the demo.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    lock.engage()  # as the app's own process does
    asyncio.run(record(folder))


if __name__ == "__main__":
    main()
