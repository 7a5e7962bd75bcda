"""The writing sense: what is written in a picture or document, row by row, with fields, tick boxes and codes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from edge_assistant.core.errors import ModelCorrupt
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.sense import Percept, Request, Sense

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import onnxruntime

    from edge_assistant.perception.documents import ocr
    from edge_assistant.perception.documents.sheets import UprightPage
    from edge_assistant.perception.page import Page


class Writing(Sense):
    """Reads pictures and documents."""

    name: ClassVar[str] = "writing"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.IMAGE})
    roles: ClassVar[tuple[str, ...]] = ("writing",)
    seconds: ClassVar[float] = 1.0

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Read every page; see `Sense.perceive`."""
        from edge_assistant.perception.decoders import client
        from edge_assistant.perception.documents import sheets

        evidence: list[Evidence] = []
        notes: list[str] = []
        for number, page in enumerate(client.pages(signal), 1):
            sheet = self.sheet(page)
            evidence += sheets.evidence(page, sheet, signal.id)
            notes += page.notes + sheet.notes
            request.progress(number / (number + 1))  # how many pages follow is not known
        request.progress(1.0)
        return Percept(tuple(evidence), notes=tuple(notes))

    @cached_property
    def _reader(self) -> ocr.LineReader:
        from edge_assistant.perception.documents import ocr

        files = self.models["writing"].files
        recognition = self.runtime.session(files["recognition"], threads=1)
        characters = _characters(files, recognition)
        detection, classification = (self.runtime.session(files[key]) for key in ("detection", "classification"))
        return ocr.LineReader(detection, recognition, classification, characters, self.runtime.threads)

    def read(self, page: Page, signal: str) -> list[Evidence]:
        """What is written on one page, of the signal of that id."""
        from edge_assistant.perception.documents import sheets

        return sheets.evidence(page, self.sheet(page), signal)

    def sheet(self, page: Page) -> UprightPage:
        """The page as it is to be read: turned the right way up, with its pieces of writing."""
        from edge_assistant.perception.documents import sheets

        if page.text_layer is not None:
            return sheets.from_layer(page.rgb, page.text_layer)
        return sheets.recognised(page.rgb, self._reader)


def _characters(files: Mapping[str, Path], recognition: onnxruntime.InferenceSession) -> list[str]:
    """The recogniser's characters, from a file of their own or from the model's metadata.

    Raises:
        ModelCorrupt: neither has them.
    """
    if "dictionary" in files:
        return files["dictionary"].read_text(encoding="utf-8").splitlines()
    written = recognition.get_modelmeta().custom_metadata_map.get("character")
    if not written:
        name = files["recognition"].name
        raise ModelCorrupt(f"{name} does not say which characters it reads", "add a dictionary to its catalog entry")
    return str(written).splitlines()
