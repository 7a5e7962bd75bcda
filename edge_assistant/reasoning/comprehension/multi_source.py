"""A question that takes several sources: the facts that lead to the answer first, then the answer, by the model."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind
from edge_assistant.language.chat import Message
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, answers, truth
from edge_assistant.reasoning.comprehension.reading import Page, locate, probability_of_answer, words
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.values import Quantity

_MOST_TOKENS = 120  # of the facts and the answer
_DECIMALS = 2  # of what a division gives
_ANSWER = "Answer:"
_FACT = re.compile(rf"(?P<kind>{'|'.join(prompts.NAMES.values())}): (?P<words>.+)")
_CALCULATION = re.compile(r"(?P<calculation>\d[\d.,]*(?: [-+*/x×] \d[\d.,]*)+)(?: *=.*)?")  # 22-05-2025 is none
_OPERATORS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Joint:
    """An answer over several sources."""

    text: str  # as the model copied it, or what the calculation gives
    evidence: tuple[Evidence, ...]  # the lines it rests on, that of the answer first
    formula: str  # of an answer that was calculated, else ""
    fits: float  # probability that it, beside its lines, answers the question


def join(engine: Engine, question: str, pages: Sequence[tuple[Kind, Page]], kind: AnswerType) -> Joint | None:
    """The answer of several sources together; None if they give none, or if it does not stand in their lines."""
    messages = prompts.several_sources([(kind, [*page.values()]) for kind, page in pages], question)
    stated, _, answer = _write(engine, messages).partition(_ANSWER)
    answer = answer.strip().rstrip(".")
    facts = [(match["kind"], match["words"]) for line in stated.splitlines() if (match := _FACT.match(line.strip()))]
    lines = dict[Evidence, str]()
    for name, copied in facts:
        for _, page in sorted(pages, key=lambda one: prompts.NAMES[one[0]] != name):
            if places := locate(copied, page):
                lines.update((place, page[place]) for place in places)
                break
    if not lines or not answer or answer.lower().startswith(prompts.not_told()):
        return None
    if kind is not AnswerType.TRUTH and set(words(answer)) <= set(words(question)):
        return None
    formula, shown = "", [*lines.values()]
    if calculation := _CALCULATION.fullmatch(answer):
        formula = calculation["calculation"]
        lines |= _of_numbers(formula, lines, pages)
        shown = [*lines.values()]
        if (answer := calculate(formula, shown)) == "":
            return None
        shown.append(f"{formula} = {answer}")
    elif places := _places(answer, lines, kind):
        lines = {**{place: lines[place] for place in places}, **lines}
    else:
        return None
    if not answers(answer, kind):
        return None
    return Joint(answer, tuple(lines), formula, probability_of_answer(engine, " / ".join(shown), question, answer))


def calculate(formula: str, lines: Sequence[str]) -> str:
    """What a calculation gives, if all its numbers stand in some lines; else "".

    >>> lines = ["I need four of the small lamps", "Lamp, small: 6.20"]
    >>> calculate("4 * 6.20", lines), calculate("6.20 - 4", lines), calculate("7 * 6.20", lines)
    ('24.80', '2.20', '')
    """
    if not _numbers(formula) <= {number for line in lines for number in _numbers_in(line)}:
        return ""
    plain = _plain(formula)
    try:
        result = abs(_value(ast.parse(plain, mode="eval").body, plain))
        return f"{round(result, _DECIMALS) if -int(result.as_tuple().exponent) > _DECIMALS else result:f}"
    except (SyntaxError, ValueError, ArithmeticError):
        return ""


def _of_numbers(formula: str, lines: Page, pages: Sequence[tuple[Kind, Page]]) -> dict[Evidence, str]:
    """For each number of a calculation that no fact has, the line that has it, where only one does."""
    found = dict[Evidence, str]()
    for number in _numbers(formula) - {number for line in lines.values() for number in _numbers_in(line)}:
        having = [(line, text) for _, page in pages for line, text in page.items() if number in _numbers_in(text)]
        found.update(having if len(having) == 1 else ())
    return found


def _plain(formula: str) -> str:
    return formula.replace("x", "*").replace("×", "*").replace(",", "")


def _numbers(formula: str) -> set[Decimal]:
    return {Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", _plain(formula))}


def _numbers_in(line: str) -> set[Decimal]:
    values = (found.value for found in quantities(line))
    return {number for value in values if isinstance(value, Quantity) for number in value.readings}


def _value(node: ast.expr, text: str) -> Decimal:
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, text), _value(right, text))
        case ast.Constant():
            return Decimal(ast.get_source_segment(text, node) or "")  # with the zeros of 6.20
        case _:
            raise ValueError(ast.dump(node))


def _write(engine: Engine, messages: Sequence[Message]) -> str:
    """The facts that the model writes, and the line of the answer."""
    text = ""
    for piece in engine.stream(messages, max_tokens=_MOST_TOKENS):
        text += piece
        if "\n" in text.partition(_ANSWER)[2].lstrip():
            break
    return text.strip()


def _places(answer: str, lines: Page, kind: AnswerType) -> tuple[Evidence, ...]:
    """The lines of an answer; a bare no rests on all, and a bare yes, which the model writes easily, on none."""
    yes, rest = truth(answer)
    if yes is not None and kind is AnswerType.TRUTH and not rest:
        return () if yes else tuple(lines)
    return locate(rest if yes is not None and rest else answer, lines)
