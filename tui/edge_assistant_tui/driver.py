"""What the terminal sends, read without what would end or freeze the app: pasted bytes are untrusted input, too."""

from __future__ import annotations

import os
import select
from codecs import getincrementaldecoder

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.messages import InBandWindowResize

_AT_ONCE = 4096  # bytes
_EVERY_S = 0.1  # between two looks at whether Escape stood alone, and whether the app ends


class TerminalDriver(LinuxDriver):
    """Textual's driver of a terminal."""

    def run_input_thread(self) -> None:
        """Read keys until the app ends, without bytes that are no UTF-8.

        Textual's own ends the app by them, as by a sequence that is malformed; of such a one, nothing more is taken
        that came at once with it.
        """
        decode, parser = getincrementaldecoder("utf-8")("ignore").decode, XTermParser()
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], _EVERY_S)
            text = decode(os.read(self.fileno, _AT_ONCE)) if ready else ""
            try:
                for message in (*(parser.feed(text) if text else ()), *parser.tick()):
                    self.process_message(message)
            except (ValueError, OverflowError):  # of numbers in it
                parser = XTermParser()

    def process_message(self, message: Message) -> None:
        """Hand on what was read, but no size: a pasted one may be any, and the system tells the real one."""
        if not isinstance(message, events.Resize | InBandWindowResize):
            super().process_message(message)
