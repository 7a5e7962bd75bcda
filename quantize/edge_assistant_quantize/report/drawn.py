"""How a plot becomes SVG: the same bytes each time, text as text, and colours that turn with the reader's scheme."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GREY = "#1b1b1d", "#77777b"
_DARK = {INK: "#e8e8ea", GREY: "#9c9ca2", "#0072b2": "#56b4e9", "#d55e00": "#f0883e"}
_SETTINGS = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib; a reader without it sees their own
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollars is no formula
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.unicode_minus": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.color": INK,
}


def svg(name: str, title: str, alt: str, size: tuple[float, float], fill: Callable[[Figure], None]) -> tuple[str, str]:
    """Draw one figure.

    Args:
        name: of the plot; its identifiers begin with it.
        title: over the figure.
        alt: what it shows, for those who do not see it.
        size: width and height in inches.
        fill: puts axes into the figure.

    Returns:
        A whole SVG file, and its element alone for a page.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # the person's own style is left out
        matplotlib.rcParams.update({**_SETTINGS, "svg.hashsalt": name})
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts may have it
        figure = Figure(figsize=size)
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        head = printable(title)
        figure.text(0.02, 1 - 0.18 / size[1], head, size=10.5, weight="bold", va="center", parse_math=False)
        fill(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _finished(written.getvalue(), name, alt)


def _finished(text: str, name: str, alt: str) -> tuple[str, str]:
    """Add what matplotlib does not say: the words for it, the dark scheme, and identifiers that are its own."""
    head, element = text[: text.index("<svg")], text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", element)
    element = re.sub(r"<svg\b", f'<svg role="img" aria-labelledby="{name}-alt"', element, count=1)
    words = f'<title id="{name}-alt">{escape(printable(alt))}</title><style>{_dark()}</style>'
    place = element.index(">") + 1
    element = element[:place] + words + element[place:]
    return f"{head}{element}", element


def _dark() -> str:
    """Rules that turn each colour where the reader's scheme is dark."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme:dark){{{rules}}}"


def label(text: str, most: int, *, end: bool = False) -> str:
    """A name that fits: one line, and of a long one its beginning, or its end.

    >>> label("encoder/layers.0/matmul", 12), label("encoder/layers.0/matmul", 12, end=True)
    ('encoder/lay…', '…rs.0/matmul')
    """
    told = printable(" ".join(text.split()))
    if len(told) <= most:
        return told
    return f"…{told[1 - most :]}" if end else f"{told[: most - 1]}…"
