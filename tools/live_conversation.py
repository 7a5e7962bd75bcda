"""Measure a spoken question over a camera's picture: from the end of speech to the first word, and to the first sound.

The app runs without a terminal, with a picture as the camera and a recording as the microphone, hands-free:

    python tools/live_conversation.py examples/line/camera.jpg tests/fixtures/speech/bottles.wav --voice --runs 3
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from textual.message import Message

from edge_assistant.governance.offline import lock
from edge_assistant_tui import messages
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.turn import Turn


class Stopwatch:
    """When what was first told."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def tells(self, post: Any) -> Any:  # noqa: ANN401 - of messages
        """A way to post that looks at the clock."""

        def told(message: Message) -> Any:  # noqa: ANN401
            name = type(getattr(message, "event", message)).__name__
            if not isinstance(message, messages.Heard) or message.final:
                self.at.setdefault(name, time.monotonic())
            return post(message)

        return told


async def converse(picture: Path, recording: Path, profile: str, voice: bool) -> None:
    """Take a picture, ask over it, and print how long the answer took."""
    sound = Path(tempfile.mkdtemp()) / "spoken.wav"
    options = Options(
        profile=profile,
        language="en",
        camera=f"file:{picture}",
        microphone=f"file:{recording}",
        speaker=f"file:{sound}",
    )
    app = EdgeAssistant(options)
    watch = Stopwatch()
    app.work._post = watch.tells(app.conversation.post_message)
    async with app.run_test(size=(120, 40)) as pilot:
        capture = app.conversation.capture
        capture._listening._post = watch.tells(capture._listening._post)
        if voice:
            await pilot.press("f12")
            while capture._spoken._speaking is None:
                await pilot.pause(0.1)
        await pilot.press("f5")
        while capture._looking.frame is None:
            await pilot.pause(0.1)
        await pilot.press("space", "enter")
        entries = app.conversation.query_one(SignalList)
        while not entries.entries or entries.entries[0].state != "ready":
            await pilot.pause(0.1)
        await pilot.press("f4")
        while "Answered" not in watch.at:
            await pilot.pause(0.02)
        ended = watch.at["SpeechEnded"] - app.settings.pause_s
        print(f"transcript {watch.at['Heard'] - ended:.2f} s, first word {watch.at['Said'] - ended:.2f} s", end="")
        if voice:
            while not sound.exists() or sound.stat().st_size < 1000:
                await pilot.pause(0.01)
            print(f", first sound {time.monotonic() - ended:.2f} s", end="")
        answer = app.conversation.query(Turn).first().answer
        assert answer is not None
        cited = sorted({item.signal for item in answer.evidence if item.id in answer.citations})
        print(f" after the end of speech (pause {app.settings.pause_s} s); {answer.status}, cites {', '.join(cited)}")


def main() -> None:
    """Measure as often as asked, each time in a new app."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--profile", default="starter")
    parser.add_argument("--voice", action="store_true", help="speak the answer into a file")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    lock.engage()  # as the app's own process does
    for _ in range(args.runs):
        asyncio.run(converse(args.picture, args.recording, args.profile, args.voice))


if __name__ == "__main__":
    main()
