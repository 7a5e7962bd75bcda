"""Chat templates: what each family's prompt looks like, and that content never becomes control text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import CatalogInvalid
from edge_assistant.language.chat import TEMPLATES, Message, Role, render, template

TURNS = [
    Message(Role.SYSTEM, "Be brief."),
    Message(Role.USER, "Hi"),
    Message(Role.ASSISTANT, "Yes?"),
    Message(Role.USER, "Go"),
]
EXPECTED = {
    "chatml": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    "<|im_start|>assistant\nYes?<|im_end|>\n"
    "<|im_start|>user\nGo<|im_end|>\n<|im_start|>assistant\n",
    "llama3": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYes?<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nGo<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "gemma": "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nYes?<end_of_turn>\n"
    "<start_of_turn>user\nGo<end_of_turn>\n<start_of_turn>model\n",
}


@pytest.mark.parametrize("family", TEMPLATES)
def test_the_prompt_of_a_family(family: str) -> None:
    """An answer can be begun for the model; the end of a turn is in its closing text."""
    parts = render(TURNS, family)
    assert "".join(part if isinstance(part, str) else part.content for part in parts) == EXPECTED[family]
    assert render(TURNS, family, opening="<think>\n\n</think>\n\n") == [*parts, "<think>\n\n</think>\n\n"]
    assert template(family).end.startswith(template(family).end_of_turn)


@pytest.mark.parametrize("family", TEMPLATES)
@given(content=st.text(min_size=1), system=st.booleans())
def test_content_is_never_control_text(family: str, content: str, system: bool) -> None:
    turns = [Message(Role.SYSTEM, content)] if system else []
    parts = render([*turns, Message(Role.USER, content)], family)
    assert any(content in part.content for part in parts if isinstance(part, Message))
    frame = render([Message(Role.SYSTEM, "")] * system + [Message(Role.USER, "")], family)
    assert [part for part in parts if isinstance(part, str)] == [part for part in frame if isinstance(part, str)]


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(CatalogInvalid, match="chat family 'alpaca' is not known"):
        template("alpaca")
