"""A picture that was taken and is not sent: what is in it, and how it is drawn, in pixels where a terminal has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from edge_assistant.core.errors import EdgeAssistantError, Stopped
from edge_assistant_tui import halfblocks, messages
from edge_assistant_tui.rendering.pictures import Drawn, PictureRequest
from edge_assistant_tui.terminal import Graphics, Terminal

if TYPE_CHECKING:
    from edge_assistant.core.events import Event
    from edge_assistant.core.evidence import Box
    from edge_assistant.devices.camera import Frame
    from edge_assistant.session.assistant import Assistant


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A picture that was taken.

    Attributes:
        name: as the signal will be called.
        data: PNG.
    """

    name: str
    frame: Frame
    data: bytes


def take(frame: Frame) -> Snapshot:
    """Take what a camera sees."""
    from edge_assistant.devices.camera import encode

    return Snapshot(f"camera {datetime.fromtimestamp(frame.time):%H:%M:%S}", frame, encode(frame))


def look(
    assistant: Callable[[], Assistant],
    data: bytes,
    name: str,
    watch: Callable[[Event | None], None],
    language: str | None,
    post: Callable[[messages.Looked], object],
) -> None:
    """See what is in a picture that is not a signal yet, and tell it, or why not; in the thread that computes.

    Args:
        assistant: gives what computes.
        data: PNG.
        name: of the picture.
        watch: is called first, and with each event; raises `Stopped` once it is not wanted, and then nothing is told.
        language: of the person.
        post: is told.
    """
    from edge_assistant.core.signals import Kind, Origin, take_bytes

    try:
        watch(None)
        signal = take_bytes(data, Kind.IMAGE, 0, origin=Origin.CAMERA, name=name)
        found = assistant().perceive(signal, watch, language)
    except Stopped:
        pass
    except EdgeAssistantError as error:
        post(messages.Looked(name, (), str(error)))
    except Exception:
        post(messages.Looked(name, (), "a fault of ours - take another one; the log has the details"))
        raise
    else:
        post(messages.Looked(name, found))


def draw(
    shot: Snapshot, cells: tuple[int, int], boxes: Sequence[Box], colour: halfblocks.RGB, terminal: Terminal
) -> halfblocks.HalfBlockPicture | Drawn:
    """Draw a picture as large as fits, with frames around what was found."""
    if terminal.graphics is Graphics.CELLS:
        return halfblocks.picture(shot.frame.rgb, *cells, boxes, colour)
    from PIL import Image, ImageDraw

    height, width = shot.frame.rgb.shape[:2]
    scale = min(cells[0] * terminal.cell[0] / width, cells[1] * terminal.cell[1] / height)
    columns = max(1, round(width * scale / terminal.cell[0]))
    rows = max(1, round(height * scale / terminal.cell[1]))
    image = Image.fromarray(shot.frame.rgb).resize((columns * terminal.cell[0], rows * terminal.cell[1]))
    pen = ImageDraw.Draw(image)
    across, down = image.width / width, image.height / height
    for x, y, w, h in boxes:
        pen.rectangle((x * across, y * down, (x + w) * across, (y + h) * down), outline=colour, width=2)
    whole = (0, 0, width, height)
    return Drawn((columns, rows), whole, (width, height), PictureRequest(*cells, whole=True), (0.0, 0.0), image=image)
