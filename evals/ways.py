"""The ways to answer a scenario's question that a bench compares: the product warm or cold, and the baselines."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from signal import SIGKILL
from typing import Any, Protocol

from edge_assistant.core.evidence import Evidence
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine
from edge_assistant_quantize.datasets.scenarios import ScenarioJob
from evals.results import EVERYTHING, Reply
from evals.warm import WarmAssistant, timed


class Way(Protocol):
    """A way to answer."""

    name: str

    def answer(self, job: ScenarioJob) -> Reply:
        """Answer one question.

        Raises:
            ModelError: a model is missing or corrupt, so that no other question would fare better.
        """


class BaselineWay:
    """A baseline over the same evidence, with the same language model."""

    def __init__(self, baseline: Baseline, assistant: WarmAssistant, *, gold: bool) -> None:
        self.name = baseline.name
        self._baseline = baseline
        self._assistant = assistant
        self._gold = gold

    def answer(self, job: ScenarioJob) -> Reply:
        """See `Way`."""

        def ask() -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
            evidence = self._assistant.evidence(job.scenario.take())
            return self._baseline.answer(job.question.ask, evidence, self._assistant.engine), None

        return timed(self._assistant, job, self._gold, ask)


class Command:
    """A command that takes a question and signals as `edge-assistant ask` does, in a process of its own each time."""

    name = EVERYTHING

    def __init__(self, command: str, timeout_s: float) -> None:
        self._command = shlex.split(command)
        self._timeout_s = timeout_s

    def answer(self, job: ScenarioJob) -> Reply:
        """See `Way`."""
        given = [word for kind, path in job.scenario.given for word in (f"--{kind}", str(path.resolve()))]
        began = time.perf_counter()
        try:
            status, out, err = self._run([*self._command, job.question.ask, "--json", *given])
        except OSError as error:
            return Reply(error=f"it cannot be started: {error.strerror}")
        except subprocess.TimeoutExpired:
            return Reply(seconds=time.perf_counter() - began, error=f"no answer after {self._timeout_s:g} s")
        seconds = time.perf_counter() - began
        last = err.strip().rpartition("\n")[2][:300]
        if status != 0:
            return Reply(seconds=seconds, error=f"exit status {status}: {last}")
        said = _object(out)
        return Reply(said, seconds) if said is not None else Reply(seconds=seconds, error=f"no JSON object: {last}")

    def _run(self, words: list[str]) -> tuple[int, str, str]:
        """Run to the end; whatever ends it early ends what it started too."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True)
        try:
            out, err = process.communicate(timeout=self._timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, SIGKILL)
            process.communicate()
            raise
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def _object(out: str) -> Mapping[str, Any] | None:
    """The JSON object in what a command printed."""
    for text in (out, out[out.find("{") : out.rfind("}") + 1]):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None


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

Judged = dict[str, Any]
"""What of `ask --json` is judged: answer, status, evidence, citations."""


class Baseline(Protocol):
    """Answers a question over evidence that is perceived already."""

    name: str

    def answer(self, question: str, evidence: Sequence[Evidence], engine: Engine) -> Judged:
        """Answer.

        Args:
            question: as a person asks it.
            evidence: of all signals, with ids.
            engine: the language model.
        """


class BaselinePrompt:
    """Everything in one prompt; the model answers, compares and cites."""

    name = "baseline-prompt"

    def answer(self, question: str, evidence: Sequence[Evidence], engine: Engine) -> Judged:
        """See `Baseline`."""
        names = _names(evidence)
        lines = [
            f"[{item.id}] {names[item.signal]}: {_one_line(item.text)}"
            for item in within_budget(evidence, engine.count)
        ]
        messages = [Message(Role.SYSTEM, _ONE_PROMPT)]
        for asked, answered in _EXAMPLES:
            messages += [Message(Role.USER, asked), Message(Role.ASSISTANT, json.dumps(answered))]
        user = "Evidence:\n" + "\n".join(lines) + f"\n\nQuestion: {question}"
        said = _parse(_write(engine, [*messages, Message(Role.USER, user)], _MAX_ANSWER))
        cited = re.findall(r"\bE\d+\b", json.dumps(said.get("citations")))
        return _reply(said, [(item.id, item.signal) for item in evidence], cited)


class Ablation:
    """Sources read one by one, no typed comparison: the model compares the words that it copied from each."""

    name = "ablation"

    def answer(self, question: str, evidence: Sequence[Evidence], engine: Engine) -> Judged:
        """See `Baseline`; cited are the sources that told something."""
        told = {}
        for signal, name in _names(evidence).items():
            lines = within_budget([item for item in evidence if item.signal == signal], engine.count)
            source = "\n".join(_one_line(item.text) for item in lines)
            user = f"Source: {name}\n{source}\n\nQuestion: {question}"
            value = _write(engine, [Message(Role.SYSTEM, _READ_ONE), Message(Role.USER, user)], _MAX_VALUE).strip()
            if value and not re.match(rf"{_NONE}\b", value):
                told[signal] = f"The {name}: {_one_line(value)}"
        signals = [(signal, signal) for signal in told]
        if not told:
            return _reply({"answer": _NOT_TOLD, "status": "not_in_evidence"}, signals, ())
        user = f"Question: {question}\n\n" + "\n".join(told.values())
        said = _parse(_write(engine, [Message(Role.SYSTEM, _COMPARE), Message(Role.USER, user)], _MAX_ANSWER))
        return _reply(said, signals, list(told))


def within_budget(evidence: Sequence[Evidence], count: Callable[[str], int], budget: int = BUDGET) -> list[Evidence]:
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


def _write(engine: Engine, messages: Sequence[Message], max_tokens: int) -> str:
    """What the model writes, at most until its JSON object is closed: what it would say behind it costs time."""
    text = ""
    for piece in engine.stream(messages, max_tokens=max_tokens):
        text += piece
        if "}" in piece and text.count("{") == text.count("}"):
            break
    return text


def _parse(text: str) -> Mapping[str, Any]:
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


def _reply(said: Mapping[str, Any], evidence: Sequence[tuple[str, str]], citations: Sequence[str]) -> Judged:
    return {
        "answer": str(said.get("answer", "")),
        "status": said.get("status"),
        "evidence": [{"id": id, "signal": signal} for id, signal in evidence],
        "citations": list(citations),
    }
