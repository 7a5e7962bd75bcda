"""The scanned look for whoever makes example pictures: `from render import font, scan_look, Wear`."""

from __future__ import annotations

from edge_assistant_quantize.datasets.paper import Wear, font, scan_look

__all__ = ["Wear", "font", "scan_look"]
