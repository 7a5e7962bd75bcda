"""Text of unknown origin in Markdown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from edge_assistant_quantize.report.text import block, code, escaped


@given(st.text(max_size=60))
def test_any_text_is_shown_as_it_is(text):
    reader = MarkdownIt("commonmark").enable("table")
    page = f"| a | b |\n| --- | --- |\n| x {escaped(text)} | {code(text, cell=True)} |\n\n{block(text)}\n\nend\n"
    tokens = reader.parse(page)
    cells = [token for token in tokens if token.type == "inline"]
    assert len([token for token in tokens if token.type == "td_open"]) == 2
    assert {child.type for cell in cells for child in cell.children} <= {"text", "code_inline", "text_special"}
    assert cells[-1].content == "end"
