"""The scanned look for whoever makes example pictures: `from render import font, scan_look`."""

from __future__ import annotations

from edge_assistant_quantize.datasets.paper import font, scan_look

__all__ = ["font", "scan_look"]
