"""The page of the app in a browser, in a real one: what a person does there, and what others cannot."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from helpers import chromium
from helpers.gateways import TOKEN, Gateway
from helpers.platforms import needs_lock
from helpers.scripted_resident import until
from PIL import Image

pytest.importorskip("textual_serve")
pytest.importorskip("wsproto")
pytestmark = [needs_lock, pytest.mark.skipif(chromium.PROGRAM is None, reason="Chromium is not installed")]

RED = (255, 0, 0)
HELP = "Keys of every place"
# Of the page's WebSocket: its address, and what is drawn, without escape sequences
LISTENS = r"""
var address, drawn = "";
const escapes = /\x1b(\[[0-9;?<>=:$]*[a-zA-Z@`]|[()][A-Z0-9]|[=>78])/g;
WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    [address] = given;
    const text = new TextDecoder();
    this.addEventListener("message", ({data}) => {
      if (typeof data !== "string")
        drawn = (drawn + text.decode(data, {stream: true})).replace(escapes, "");
    });
  }
};
"""


class Shown(chromium.Tab):
    """A tab with the page."""

    def __init__(self, browser: chromium.Chromium, link: str) -> None:
        super().__init__(browser, 1200, 800)
        self.do("Network.enable")
        self.do("Log.enable")
        self.do("Page.addScriptToEvaluateOnNewDocument", source=LISTENS)
        self.open(link)

    def see(self, text: str) -> None:
        """Wait until that is drawn; then it is forgotten."""
        until(lambda: self.value(f"drawn.includes({text!r})"))
        self.value("drawn = ''")

    def see_after(self, act: Callable[[], None], text: str) -> None:
        """Act until a text is drawn: what meets a screen before it is laid out does nothing."""

        def seen() -> bool:
            act()
            end = time.monotonic() + 3
            while not (found := bool(self.value(f"drawn.includes({text!r})"))) and time.monotonic() < end:
                time.sleep(0.05)
            return found

        until(seen)
        self.value("drawn = ''")

    def write(self, text: str) -> None:
        """Type it."""
        self.do("Input.insertText", text=text)
        self.see(text)

    def leave(self) -> None:
        """Leave a screen for the conversation."""
        self.settle()
        self.value("drawn = ''")
        self.press("Escape", 27)
        until(lambda: self.value("drawn.includes('f3 Talk')"))
        self.settle()

    def settle(self) -> None:
        """Let it draw what it draws now; an Escape that another key follows at once is half of another key."""
        time.sleep(0.7)

    def place(self, column: int, row: int) -> tuple[float, float]:
        """The middle of a cell in pixels; rows from the end are negative."""
        script = (
            "(({width, height}) => [width, height])(document.querySelector('.xterm-screen').getBoundingClientRect())"
        )
        pixels, size = self.value(script), self.size
        return (column + 0.5) * pixels[0] / size[0], (row % size[1] + 0.5) * pixels[1] / size[1]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows when it was loaded."""
        found = re.search(r"width=(\d+)&height=(\d+)", self.value("address"))
        assert found
        return int(found[1]), int(found[2])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Chromium]:
    with chromium.started(tmp_path_factory.mktemp("browser")) as running:
        running.do("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        yield running


@pytest.fixture(scope="module")
def link(shown: Gateway) -> str:
    picture = shown.home / "red.png"
    Image.new("RGB", (64, 48), RED).save(picture)
    (shown.home / "config" / "config.toml").write_text(f'camera = "file:{picture}"\n')
    return f"http://127.0.0.1:{shown.port}/#{quote(TOKEN)}"


@pytest.fixture(scope="module")
def page(browser: chromium.Chromium, link: str) -> Iterator[Shown]:
    """A page for all tests of the file that leave it as it is."""
    opened = Shown(browser, link)
    opened.see("Ask about the signals")
    opened.settle()
    yield opened
    opened.close()


def test_the_token_is_in_no_request_but_the_one_for_the_app(page: Shown, browser: chromium.Chromium, link: str) -> None:
    asked = [each["params"]["request"] for each in browser.events if each["method"] == "Network.requestWillBeSent"]
    root, _, token = link.partition("#")
    files = ("", "xterm.css", "page.css", "page.js", "textual.js")
    assert {each["url"] for each in asked} == {root + file for file in files}
    assert not [each for each in asked if token in str(each["headers"])]
    assert page.value("location.href") == root
    told = [each["params"]["entry"] for each in browser.events if each["method"] == "Log.entryAdded"]
    assert not [each for each in told if each["source"] == "security" and each["level"] == "error"]  # by its policy


def test_keys_reach_the_app(page: Shown) -> None:
    page.write("grüße")
    page.press("F1", 112)
    page.see(HELP)
    page.leave()


def test_what_is_pasted_reaches_the_app(page: Shown) -> None:
    page.value("navigator.clipboard.writeText('words of the clipboard')")
    page.press("V", 86, "Control", "Shift", command="paste")
    page.see("words of the clipboard")


def test_a_click_reaches_the_app(page: Shown) -> None:
    page.press("F1", 112)
    page.see(HELP)
    page.leave()
    before = page.value("drawn").rpartition("f1 Help")[0].rpartition("Send ")[2]
    page.see_after(lambda: page.click(*page.place(len(" ⏎ Send ") + len(before), -1)), HELP)
    page.leave()


def test_a_picture_is_shown(page: Shown) -> None:
    page.press("F5", 116)
    until(lambda: reds(page) > 300 * 200)
    page.press("F5", 116)
    until(lambda: reds(page) == 0)


def reds(page: Shown) -> int:
    """How many pixels of a page are red; a picture takes the core that the app needs, so not many are taken."""
    time.sleep(0.5)
    colors = page.picture().getcolors(1 << 20) or []
    return sum(number for number, (red, green, blue) in colors if red > 240 and max(green, blue) < 10)


def test_what_is_drawn_opens_no_other_page(page: Shown) -> None:
    page.write(" https://example.org/")
    page.value("opened = [], opens = open, open = (...given) => { opened.push(!!opens(...given)); return null; }")

    def clicked() -> bool:
        """Whether one of the clicks into the prompt was on the link."""
        for column in range(2, 60, 8):
            page.click(*page.place(column, -3), "Shift")
        return bool(page.value("opened.length"))

    until(clicked)
    assert set(page.value("opened")) == {False}


def test_what_is_drawn_reads_no_clipboard(page: Shown) -> None:
    assert "policy" in page.value("navigator.clipboard.readText().then(() => 'read', String)")


def test_the_app_has_the_size_of_the_page(page: Shown) -> None:
    columns, _ = page.size
    page.resize(600, 500)
    until(
        lambda: page.value("drawn.match(/╭─ Ask ─+╮/)?.[0].length ?? 999") in range(columns // 2 - 2, columns // 2 + 1)
    )


def test_a_page_is_loaded_again_and_used_by_a_finger(page: Shown) -> None:
    page.resize(390, 700, phone=True)
    page.do("Page.reload")
    page.see("Ask about the signals")
    page.settle()
    assert page.size[0] in range(38, 60)
    page.press("F1", 112)
    page.see(HELP)
    page.see_after(lambda: page.touch(*page.place(10, 20), upwards=300), "Earlier question")
    page.leave()
    camera = page.place(len(" ⏎ Send  f3 Talk  f5"), -1)
    until(lambda: page.touch(*camera) or reds(page) > 100 * 50)  # the app forgets one that comes while it is drawn


@pytest.mark.parametrize("end", ["", "#another token"])
def test_without_its_token_a_page_says_why_it_is_empty(browser: chromium.Chromium, link: str, end: str) -> None:
    opened = Shown(browser, link.partition("#")[0] + end)
    until(lambda: "the link has no valid token" in (opened.value("document.body?.innerText") or ""))
    assert opened.value("drawn") == ""
    opened.close()
