"""Chat templates, ours and pinned, one per model family.

A GGUF carries a Jinja template of its own; it is ignored, for it is a program in a file that came from outside.
Content is kept apart from control text, so that the engine can tokenize it without control tokens: `<|im_start|>`
printed on a picture stays twelve characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from edge_assistant.core.errors import CatalogInvalid


class Role(StrEnum):
    """Who speaks in a chat."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn.

    Attributes:
        role: who speaks.
        content: what is said.
        stable: characters at the content's beginning that prompts to come will share, such as a source that is asked
            about again; what the model computed for them is worth keeping.
        lasting: whether that may be kept for other processes, too: what came from files may, what was said may not.
        constant: characters at its beginning that are the same whatever is asked, such as sources that it has whole
            before others of which it has what matters to a question; they alone are kept for other processes. 0 where
            all that is stable is.
    """

    role: Role
    content: str
    stable: int = 0
    lasting: bool = False
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """How a family frames turns.

    Attributes:
        start: control text before everything.
        turn: control text that opens a turn; `{role}` is replaced.
        end: control text that closes a turn.
        end_of_turn: the token that ends the model's answer.
        system: whether the family knows a system turn; without one its text opens the first user turn.
        assistant: the family's word for the assistant's role.
    """

    start: str
    turn: str
    end: str
    end_of_turn: str
    system: bool = True
    assistant: str = "assistant"


TEMPLATES = {
    # Qwen 2, 2.5 and 3, SmolLM2: https://github.com/openai/openai-python/blob/release-v0.28.0/chatml.md
    "chatml": Template("", "<|im_start|>{role}\n", "<|im_end|>\n", "<|im_end|>"),
    # https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
    "llama3": Template(
        "<|begin_of_text|>", "<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>", "<|eot_id|>"
    ),
    # https://ai.google.dev/gemma/docs/core/prompt-structure
    "gemma": Template(
        "<bos>", "<start_of_turn>{role}\n", "<end_of_turn>\n", "<end_of_turn>", system=False, assistant="model"
    ),
}


def template(family: str) -> Template:
    """The template of a chat family.

    Raises:
        CatalogInvalid: the family is not known.
    """
    try:
        return TEMPLATES[family]
    except KeyError:
        known = ", ".join(TEMPLATES)
        raise CatalogInvalid(f"chat family {family!r} is not known", f"use one of {known}") from None


def render(messages: Sequence[Message], family: str, opening: str = "") -> list[str | Message]:
    """Frame messages as a prompt that ends where the assistant speaks.

    Args:
        messages: at least one; a system message, if any, first.
        family: key of `TEMPLATES`.
        opening: what the assistant's turn starts with, such as an empty thought; control text, from the catalog.

    Returns:
        Pieces, each of which becomes tokens by itself: control text, which alone may become control tokens, and the
        messages. In a family without a system turn the system's text opens the first user's message.
    """
    frame = template(family)
    parts: list[str | Message] = [frame.start] if frame.start else []
    system = ""
    for message in messages:
        if message.role is Role.SYSTEM and not frame.system:
            system = message.content + "\n\n"
            continue
        stable, constant = (len(system) + count if count else 0 for count in (message.stable, message.constant))
        content = replace(message, content=system + message.content, stable=stable, constant=constant)
        role = frame.assistant if message.role is Role.ASSISTANT else message.role.value
        parts += [frame.turn.format(role=role), content, frame.end]
        system = ""
    return [*parts, frame.turn.format(role=frame.assistant), *([opening] if opening else [])]
