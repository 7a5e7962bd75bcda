"""What a GGUF file says of how it is talked to, where the person says nothing."""

from __future__ import annotations

from pathlib import Path

from edge_assistant.language import chat

_TEMPLATE = "tokenizer.chat_template"


def of_gguf(path: Path) -> tuple[str, int | None]:
    """The chat family by the turns in a file's own template, which is read and not run, and the trained context.

    Returns:
        The family, empty where the template is none of those that are known; and tokens, None where the file is silent.

    Raises:
        ModelCorrupt: the file is no GGUF that can be read.
    """
    from edge_assistant_quantize.gguf import header

    values = header.read(path).values
    context = values.get(f"{values.get('general.architecture')}.context_length")
    return family(str(values.get(_TEMPLATE, ""))), context if isinstance(context, int) else None


def family(template: str) -> str:
    """The family whose mark opens the turns of a template.

    >>> family("{% for m in messages %}{{ '<|im_start|>' + m['role'] }}{% endfor %}"), family("[INST]")
    ('chatml', '')
    """
    marks = {name: known.turn.partition("{role}")[0] for name, known in chat.TEMPLATES.items()}
    found = [name for name, mark in marks.items() if mark in template]
    return found[0] if len(found) == 1 else ""
