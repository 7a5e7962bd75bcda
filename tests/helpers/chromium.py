"""A browser without a window, driven by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from PIL import Image

PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
_MODIFIERS = {"Alt": 1, "Control": 2, "Shift": 8}


class Chromium:
    """A browser that runs.

    Attributes:
        events: that it told of.
    """

    def __init__(self, asked: IO[bytes], answers: IO[bytes]) -> None:
        self._asked, self._answers, self._left = asked.fileno(), answers.fileno(), b""
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def do(self, method: str, session: str | None = None, **given: object) -> dict[str, Any]:
        """Have something done, and wait for its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": given} | ({"sessionId": session} if session else {})
        os.write(self._asked, json.dumps(message).encode() + b"\0")
        while (found := self._next()).get("id") != number:
            self.events.append(found)
        assert "error" not in found, found
        result: dict[str, Any] = found["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser ended"
            self._left += data
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Tab:
    """A page of a browser, of a size in pixels."""

    def __init__(self, browser: Chromium, width: int, height: int) -> None:
        self._browser = browser
        self._target = browser.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.do("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        self.do("Page.enable")
        self.resize(width, height)

    def do(self, method: str, **given: object) -> dict[str, Any]:
        """Have something done with this page."""
        return self._browser.do(method, self._session, **given)

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Be of another size; a phone has a finger in place of a mouse."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=0, mobile=phone)
        self.do("Emulation.setTouchEmulationEnabled", enabled=phone)

    def open(self, link: str) -> None:
        """Load a page."""
        self.do("Page.navigate", url=link)

    def value(self, script: str) -> Any:
        """What an expression of JavaScript gives."""
        found = self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, number: int, *modifiers: str, command: str | None = None) -> None:
        """Press a key that writes nothing, by its name and number in JavaScript; a command is the browser's."""
        bits = sum(_MODIFIERS[name] for name in modifiers)
        named = {"key": key, "code": key, "windowsVirtualKeyCode": number, "modifiers": bits}
        self.do("Input.dispatchKeyEvent", type="rawKeyDown", commands=[command] if command else [], **named)
        self.do("Input.dispatchKeyEvent", type="keyUp", **named)

    def click(self, x: float, y: float, *modifiers: str) -> None:
        """Click with the mouse."""
        place = {"x": x, "y": y, "modifiers": sum(_MODIFIERS[name] for name in modifiers)}
        self.do("Input.dispatchMouseEvent", type="mouseMoved", **place)
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def touch(self, x: float, y: float, upwards: int = 0) -> None:
        """Touch with a finger, and move it."""
        for kind, way in (("touchStart", 0), *(("touchMove", way) for way in range(10, upwards + 1, 10))):
            self.do("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y - way}])
        self.do("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def picture(self) -> Image.Image:
        """What it shows."""
        data = base64.b64decode(self.do("Page.captureScreenshot")["data"])
        return Image.open(io.BytesIO(data)).convert("RGB")

    def close(self) -> None:
        """Close it."""
        self._browser.do("Target.closeTarget", targetId=self._target)


@contextmanager
def started(folder: Path, *options: str) -> Iterator[Chromium]:
    """A browser whose files lie in a folder; it answers on two pipes."""
    assert PROGRAM is not None
    line = [PROGRAM, "--headless", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={folder}", *options]
    on_pipes = ["/bin/sh", "-c", 'exec "$@" 3<&0 4>&1 >/dev/null 2>&1', "sh", *line]
    with subprocess.Popen(on_pipes, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        browser = Chromium(process.stdin, process.stdout)
        try:
            yield browser
            browser.do("Browser.close")
            process.wait(20)
        finally:
            process.kill()
