"""The app's own themes: dark, light, and one of high contrast.

The ratios of contrast are those of WCAG 2.1: 4.5 to 1 for text (AA) in the first two, 7 to 1 (AAA) in the last one.
"""

from __future__ import annotations

from textual.theme import Theme


def _cursor(background: str, blurred: str, foreground: str) -> dict[str, str]:
    """What the highlighted line of a list stands on; quiet enough for words in every colour."""
    return {
        "block-cursor-background": background,
        "block-cursor-foreground": foreground,
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": blurred,
        "block-cursor-blurred-foreground": foreground,
    }


DARK = Theme(
    name="dark",
    dark=True,
    primary="#7aa2f7",
    secondary="#2f6f73",
    accent="#e0af68",
    foreground="#d8dee9",
    background="#11151c",
    surface="#171c25",
    panel="#1f2631",
    success="#8fcf7a",
    warning="#e0af68",
    error="#ff7a85",
    variables={
        "border-blurred": "#3b4656",
        "footer-key-foreground": "#e0af68",
        "text-muted": "#9aa6b8",
        "text-disabled": "#8d98a8",
    }
    | _cursor("#2b3852", "#1d2535", "#d8dee9"),
)
LIGHT = Theme(
    name="light",
    dark=False,
    primary="#1f4fa3",
    secondary="#1d6b66",
    accent="#8a4b00",
    foreground="#1c2330",
    background="#f7f8fa",
    surface="#eef0f4",
    panel="#e2e6ec",
    success="#1e6b2e",
    warning="#7a4a00",
    error="#a81230",
    variables={
        "border-blurred": "#a9b3c2",
        "footer-key-foreground": "#8a4b00",
        "text-muted": "#4c586b",
        "text-disabled": "#56617a",
    }
    | _cursor("#cfdcf3", "#e4e8ef", "#1c2330"),
)
HIGH_CONTRAST = Theme(
    name="high-contrast",
    dark=True,
    primary="#66ccff",
    secondary="#006680",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    boost="#000000",
    success="#66ff66",
    warning="#ffd500",
    error="#ff9999",
    variables={"border": "#ffff00", "border-blurred": "#ffffff", "text-muted": "#e6e6e6", "text-disabled": "#cccccc"}
    | _cursor("#003070", "#002a55", "#ffffff"),
)
OWN = (DARK, LIGHT, HIGH_CONTRAST)
