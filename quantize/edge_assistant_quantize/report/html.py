"""The Markdown page as one HTML file: no script, nothing that is loaded, the plots inside."""

from __future__ import annotations

import html
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from edge_assistant.core.signals import printable

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #ffffff; --line: #c9c9c9; --soft: #f3f3f1; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #17191c; --line: #4a4d52; --soft: #22252a; } }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h1 + p { font-size: 1.1rem; padding: .8rem 1rem; border-left: .3rem solid var(--ink); background: var(--soft);
  max-width: 60rem; }
p, li { overflow-wrap: anywhere; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
td { min-width: 3.2rem; } th { background: var(--soft); }
td[style*="right"], th[style*="right"] { white-space: nowrap; }
code, pre { font-family: ui-monospace, monospace; font-size: .86em; }
pre { padding: .8rem 1rem; background: var(--soft); overflow-x: auto; } pre code { font-size: .86rem; }
svg { max-width: 100%; height: auto; }
"""
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def html_page(title: str, markdown: str, plots: Mapping[str, str]) -> str:
    """One HTML file.

    Args:
        title: of the window; of unknown origin.
        markdown: the page; tags in it are shown, not obeyed.
        plots: SVG elements by the path under which the page shows them.
    """
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("image", _image)
    reader.add_render_rule("table_open", _before)
    reader.add_render_rule("table_close", _after)
    body = reader.render(markdown, {"plots": dict(plots)})
    return _HEAD.format(title=html.escape(printable(title)), style=_STYLE, body=body)


def _image(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: MutableMapping[str, Any]) -> str:  # noqa: ANN401 - markdown-it's own types
    """The plot itself instead of a link to it."""
    return str(env["plots"].get(tokens[place].attrs["src"], ""))


def _before(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    """A wide table scrolls in its own box."""
    return '<div class="table"><table>\n'


def _after(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    return "</table></div>\n"
