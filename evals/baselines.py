"""What the product's reasoning is measured against: the same language model over the same evidence, by prompts alone.

`BaselinePrompt` pastes all evidence into one prompt. `Ablation` reads the sources one by one, as the product does, but
the model also compares what they tell: no typed values, no code. Neither uses anything of `edge_assistant.reasoning`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from edge_assistant.core.evidence import Evidence
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine

BUDGET = (
    2_600  # tokens of evidence in one prompt: with the instruction, the examples and 220 tokens of answer below 4096
)
_MAX_ANSWER = 220  # tokens; a sentence with two values and ten citations are 120
_MAX_VALUE = 48
_NONE = "NONE"
_NOT_TOLD = "None of the sources tells that."

_KINDS = {"image": "picture", "audio": "recording", "video": "video", "readings": "sensor readings", "text": "text"}
_SAME = (
    "The same value in another format is no difference: 3 May 2024 and 03/05/2024, 98.6 F and 37 C, 'none' and "
    "'no known allergies', 'about twelve' and 11.60. Nor is a value of another person, machine or day a difference, "
    "and a correction replaces what the same source said before."
)
_STATUS = """- "supported": at least one source tells it and no source contradicts it;
- "conflict": two sources give values that cannot both be true; the answer then states both values;
- "not_in_evidence": no source tells it."""
# Citations come first: a 1.5B model that has named its lines answers and judges better (8 of 28 right, else 6).
_ONE_PROMPT = f"""You answer a question from the evidence of several sources. Each line of evidence starts with its \
id. Use nothing but the evidence. Find what each source tells, compare the sources, then answer.
{_SAME}

Answer with one JSON object and nothing else:
{{"citations": ["E1", "E2"], "status": "...", "answer": "one short sentence with the exact value"}}
The citations are the ids of the lines that the answer rests on, of each source that tells the value.
The status is one of
{_STATUS}"""
_EXAMPLES = (
    (
        "Evidence:\n[E1] picture: Invoice 204\n[E2] picture: Due: 14/06/2023\n[E3] recording: the invoice is due on "
        "the sixteenth of June\n\nQuestion: When is the invoice due?",
        {
            "citations": ["E2", "E3"],
            "status": "conflict",
            "answer": "The picture says 14/06/2023, the recording says the sixteenth of June.",
        },
    ),
    (
        "Evidence:\n[E1] picture: Room: 12\n[E2] text: They meet in room twelve at 9.\n\nQuestion: Which room is it?",
        {"citations": ["E1", "E2"], "status": "supported", "answer": "Room 12."},
    ),
    (
        "Evidence:\n[E1] picture: Room: 12\n[E2] text: They meet at 9.\n\nQuestion: Who is the host?",
        {"citations": [], "status": "not_in_evidence", "answer": _NOT_TOLD},
    ),
)
_READ_ONE = (
    "You read one source and answer a question from it. Copy the exact value from the source, as short as possible. "
    f"If the source does not tell it, answer {_NONE}."
)
_COMPARE = f"""Several sources were read one by one for the same question. From what each told, answer the question.
{_SAME}

Answer with one JSON object and nothing else:
{{"answer": "one short sentence with the exact value", "status": "..."}}
The status is one of
{_STATUS}"""

Reply = dict[str, Any]
"""What of `ask --json` is judged: answer, status, evidence, citations."""


class Baseline(Protocol):
    """Answers a question over evidence that is perceived already."""

    name: str

    def answer(self, question: str, evidence: Sequence[Evidence], engine: Engine) -> Reply:
        """Answer.

        Args:
            question: as a person asks it.
            evidence: of all signals, with ids.
            engine: the language model.
        """


class BaselinePrompt:
    """Everything in one prompt; the model answers, compares and cites."""

    name = "baseline-prompt"

    def answer(self, question: str, evidence: Sequence[Evidence], engine: Engine) -> Reply:
        """See `Baseline`."""
        names = _names(evidence)
        lines = [
            f"[{item.id}] {names[item.signal]}: {_one_line(item.text)}" for item in fitting(evidence, engine.count)
        ]
        messages = [Message(Role.SYSTEM, _ONE_PROMPT)]
        for asked, answered in _EXAMPLES:
            messages += [Message(Role.USER, asked), Message(Role.ASSISTANT, json.dumps(answered))]
        user = "Evidence:\n" + "\n".join(lines) + f"\n\nQuestion: {question}"
        said = _parsed(_written(engine, [*messages, Message(Role.USER, user)], _MAX_ANSWER))
        cited = re.findall(r"\bE\d+\b", json.dumps(said.get("citations")))
        return _reply(said, [(item.id, item.signal) for item in evidence], cited)


class Ablation:
    """Sources read one by one, no typed comparison: the model compares the words that it copied from each."""

    name = "ablation"

    def answer(self, question: str, evidence: Sequence[Evidence], engine: Engine) -> Reply:
        """See `Baseline`; cited are the sources that told something."""
        told = {}
        for signal, name in _names(evidence).items():
            lines = fitting([item for item in evidence if item.signal == signal], engine.count)
            source = "\n".join(_one_line(item.text) for item in lines)
            user = f"Source: {name}\n{source}\n\nQuestion: {question}"
            value = _written(engine, [Message(Role.SYSTEM, _READ_ONE), Message(Role.USER, user)], _MAX_VALUE).strip()
            if value and not re.match(rf"{_NONE}\b", value):
                told[signal] = f"The {name}: {_one_line(value)}"
        signals = [(signal, signal) for signal in told]
        if not told:
            return _reply({"answer": _NOT_TOLD, "status": "not_in_evidence"}, signals, ())
        user = f"Question: {question}\n\n" + "\n".join(told.values())
        said = _parsed(_written(engine, [Message(Role.SYSTEM, _COMPARE), Message(Role.USER, user)], _MAX_ANSWER))
        return _reply(said, signals, list(told))


def fitting(evidence: Sequence[Evidence], count: Callable[[str], int], budget: int = BUDGET) -> list[Evidence]:
    """The evidence that one prompt can hold: while it is too much, the longest source loses its last line."""
    lines: dict[str, list[tuple[Evidence, int]]] = {}
    for item in evidence:
        lines.setdefault(item.signal, []).append((item, count(item.text) + 8))  # 8 tokens are the id and source's name
    costs = {signal: sum(cost for _, cost in held) for signal, held in lines.items()}
    while sum(costs.values()) > budget:
        longest = max(costs, key=lambda signal: costs[signal])
        costs[longest] -= lines[longest].pop()[1]
    return [item for held in lines.values() for item, _ in held]


def _names(evidence: Sequence[Evidence]) -> dict[str, str]:
    """What each signal is called: "picture", or "picture 2" where there are several."""
    signals = list(dict.fromkeys(item.signal for item in evidence))
    kinds = [signal.partition(":")[0] for signal in signals]
    names = {}
    for signal, kind in zip(signals, kinds, strict=True):
        number = "" if kinds.count(kind) == 1 else f" {signal.partition(':')[2]}"
        names[signal] = _KINDS[kind] + number
    return names


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _written(engine: Engine, messages: Sequence[Message], max_tokens: int) -> str:
    """What the model writes, at most until its JSON object is closed: what it would say behind it costs time."""
    text = ""
    for piece in engine.stream(messages, max_tokens=max_tokens):
        text += piece
        if "}" in piece and text.count("{") == text.count("}"):
            break
    return text


def _parsed(text: str) -> Mapping[str, Any]:
    """The object that the model wrote; of one that is broken off, what can be read."""
    try:
        found = json.loads(text[text.find("{") : text.rfind("}") + 1])
        if isinstance(found, dict):
            return found
    except ValueError:
        pass
    parts = {key: re.search(rf'"{key}"\s*:\s*"([^"]*)', text) for key in ("answer", "status")}
    broken: dict[str, Any] = {key: match[1] for key, match in parts.items() if match}
    cited = text.partition('"citations"')[2]
    return {"answer": text, **broken, "citations": re.findall(r"\bE\d+\b", cited)}


def _reply(said: Mapping[str, Any], evidence: Sequence[tuple[str, str]], citations: Sequence[str]) -> Reply:
    return {
        "answer": str(said.get("answer", "")),
        "status": said.get("status"),
        "evidence": [{"id": id, "signal": signal} for id, signal in evidence],
        "citations": list(citations),
    }
