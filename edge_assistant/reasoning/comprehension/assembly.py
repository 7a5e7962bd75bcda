"""A client's form, or the arguments of a call, put together of the values that sources tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edge_assistant.core.answer import Agreement, Answer, Verdict
from edge_assistant.core.events import Watch
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.attribution import CITATION
from edge_assistant.reasoning.claims import Claim, Nearness, Standing, compare, verdict_of
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, common_values, join_thousands, truth
from edge_assistant.reasoning.comprehension.extraction import CERTAIN
from edge_assistant.reasoning.comprehension.form_questions import answer_type_of, is_truth
from edge_assistant.reasoning.comprehension.reading import Reader
from edge_assistant.reasoning.comprehension.standing import as_text, is_opposed
from edge_assistant.reasoning.forms import FormList, FormObject, FormPart, FormValue, spaced
from edge_assistant.reasoning.instructions import separate
from edge_assistant.reasoning.sources import Source, truncate
from edge_assistant.reasoning.values.values import same
from edge_assistant.reasoning.values.words import says_unknown

_ASKED_CHARACTERS = 300  # of a question
_SQUARED = str.maketrans("()", "[]")


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as far as it could be filled.

    Attributes:
        text: JSON of the schema; "" if something is missing that may not be.
        refusal: what is missing then, for people.
        verdicts: of each value by its path, such as `items[0].price`: what the sources tell of it.
    """

    text: str
    refusal: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A value that a source tells, as JSON and as a claim."""

    value: Any
    claim: Claim


@dataclass(frozen=True, slots=True)
class Guess:
    """A yes or a no, or a list, that the model wrote of a source, and that was not found in its lines."""

    value: Any


def proposal(part: FormValue | FormList, value: Any, words: str, lines: Sequence[Evidence], sure: float) -> Proposal:  # noqa: ANN401
    """A value that stands in some lines in these words, told with a probability."""
    text = join_thousands(words)
    (typed,) = common_values([text], answer_type_of(part))
    claim = Claim(lines[0].signal, typed, text, tuple(line.id for line in lines), sure)
    return Proposal(_bracketed(value, lines), claim)


def asked_shortly(question: str) -> str:
    """A question as it stands in one line beside a form."""
    return f"Question: {' '.join(question.split())[:_ASKED_CHARACTERS]}"


class FormReader:
    """What reads the values of a form.

    Args:
        engine: the language model.
        embedder: nearness in meaning; None without.
        watch: is called as sources are read.
        near: cosine of two phrases in meaning.
        below: confidence below which a person has to confirm a value, which nobody can here; None if none has to.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        embedder: Callable[[], Embedder | None],
        watch: Watch,
        near: Nearness,
        below: float | None = None,
    ) -> None:
        self._engine, self._watch, self._near = engine, watch, near
        self._reader = Reader(engine, embedder)
        self._least = max(CERTAIN, below or 0.0)  # JSON has no place for a doubt

    def _assembled(
        self,
        form: FormObject,
        told: Mapping[str, Sequence[Proposal]],
        guessed: Mapping[str, Sequence[Guess]],
        answer: Answer,
    ) -> Filled:
        return FormAssembly(told, guessed, answer, self._near, self._least).filled(form)


@dataclass(slots=True)
class FormAssembly:
    """The form as it is put together of what sources tell.

    Attributes:
        told: by the paths of the values.
        guessed: of other sources, by the paths; they fill nothing in, and what they do not agree with neither.
        answer: to the question beside the form.
        near: cosine of two phrases in meaning.
        least: confidence from which on a value is filled in.
        verdicts: by the paths, filled as parts are asked for.
    """

    told: Mapping[str, Sequence[Proposal]]
    guessed: Mapping[str, Sequence[Guess]]
    answer: Answer
    near: Nearness
    least: float
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def filled(self, form: FormObject) -> Filled:
        """The form."""
        value, missing = self.part(form, "")
        verdicts = tuple(self.verdicts.values())
        if missing:
            return Filled("", _refusal(verdicts, missing), verdicts)
        return Filled(json.dumps(value, ensure_ascii=False), "", verdicts)

    def part(self, part: FormPart, path: str) -> tuple[Any, list[str]]:
        """The value of a part, and the paths of what is missing in it that may not be."""
        if isinstance(part, FormObject):
            return self._object(part, path)
        if isinstance(part, FormList) and not isinstance(part.item, FormValue):
            return self._list(part, path)
        if isinstance(part, FormValue) and len(part.options) == 1:
            return part.options[0], []  # a constant, which tells nothing
        proposals = self.told.get(path, ())
        self.verdicts[path] = verdict = self._compared(path, part, proposals)
        plain = (one for one in proposals if one.claim.standing is Standing.PLAIN)
        best = max(plain, key=lambda one: one.claim.confidence, default=None)
        agreed = verdict.status in (Agreement.AGREE, Agreement.SINGLE)
        if best is None or not agreed or not self._sure(best.claim):
            return None, [path]
        opposed = any(_differs(part, guess.value, best.value) for guess in self.guessed.get(path, ()))
        return (None, [path]) if opposed or self._opposed(path, best, proposals) else (best.value, [])

    def _opposed(self, path: str, found: Proposal, proposals: Sequence[Proposal]) -> bool:
        """Whether a source of which the model read no such value has another number beside its name."""
        if not isinstance(found.value, int | float) or isinstance(found.value, bool) or "[" in path:
            return False
        read = {one.claim.signal for one in proposals}
        others = (one.text for one in self.answer.evidence if one.signal not in read)
        return is_opposed(found.claim.text, spaced(path.rpartition(".")[2]), others)

    def _sure(self, claim: Claim) -> bool:
        """Whether a value is read as surely as is wanted, and perceived so where a person had to confirm it else."""
        told = [one.confidence for one in self.answer.evidence if one.id in claim.evidence]
        perceived = max((1.0 if sure is None else sure for sure in told), default=1.0)
        return claim.confidence >= self.least and (self.least <= CERTAIN or perceived >= self.least)

    def _object(self, part: FormObject, path: str) -> tuple[dict[str, Any], list[str]]:
        found: dict[str, Any] = {}
        lost: list[str] = []
        for name, one in part.parts.items():
            value, missing = self.part(one, f"{path}.{name}" if path else name)
            if not missing or one.nullable:
                found[name] = None if missing else value
            elif name in part.required:
                lost += missing
        return found, lost

    def _list(self, part: FormList, path: str) -> tuple[list[Any], list[str]]:
        """A list of objects, where all sources that tell of it tell of as many."""
        counts: dict[tuple[str, Standing], int] = {}
        for at, proposals in self.told.items():
            if match := re.match(rf"{re.escape(path)}\[(\d+)\]", at):
                for one in proposals:
                    by = one.claim.signal, one.claim.standing
                    counts[by] = max(counts.get(by, 0), int(match[1]) + 1)
        if len({*counts.values()}) != 1:
            status = Agreement.CONFLICT if counts else Agreement.MISSING
            self.verdicts[path] = Verdict(path, None, status, ())
            return [], [path]
        found = [self.part(part.item, f"{path}[{index}]") for index in range(max(counts.values()))]
        short = [path] if len(found) < part.least else []
        return [value for value, _ in found], short + [one for _, missing in found for one in missing]

    def _compared(self, path: str, part: FormValue | FormList, proposals: Sequence[Proposal]) -> Verdict:
        claims = [one.claim for one in proposals]
        if isinstance(part, FormList):
            return _of_lists(path, proposals)
        texts = [claim.text for claim in claims]
        disputed = self._disputed(texts, answer_type_of(part))
        if disputed is not None:
            return replace(disputed, attribute=path)
        values = common_values(texts, answer_type_of(part)) if texts else []
        return compare(path, [replace(c, value=v) for c, v in zip(claims, values, strict=True)], self.near)

    def _disputed(self, texts: Sequence[str], kind: AnswerType) -> Verdict | None:
        """The contradiction that the answer states, if a value is one of its sides."""
        for verdict in self.answer.verdicts:
            if verdict.status is Agreement.CONFLICT and texts:
                sides = [told.value for told in verdict.values]
                first, *others = common_values([texts[0], *sides], kind)
                if any(same(first, other) for other in others):
                    return verdict
        return None


def _bracketed(value: Any, lines: Sequence[Evidence]) -> Any:  # noqa: ANN401 - JSON
    """A value with the square brackets of its source, such as [PERSON-1], which the lines of a prompt do not have."""
    if isinstance(value, list):
        return [_bracketed(one, lines) for one in value]
    squared = value.translate(_SQUARED) if isinstance(value, str) else ""
    return squared if squared and any(squared in line.text for line in lines) else value


def sources_of(answer: Answer) -> Iterator[tuple[Source, Standing]]:
    """The sources of an answer; of readings, and of sums, what the answer says.

    What passages state that address the assistant fills nothing in, but contradicts.
    """
    for signal in answer.signals:
        lines = tuple(item for item in answer.evidence if item.signal == signal.id)
        if signal.kind is not Kind.READINGS and lines:
            separated = separate(truncate(Source(signal, lines)))
            yield separated.rest, Standing.PLAIN
            yield from ((stated, Standing.STATED) for stated in separated.stated)
    if answer.computed:
        [computed, *_] = answer.computed
        of = {item.id: item.signal for item in answer.evidence if item.id in computed.evidence}
        said = " ".join(CITATION.sub("", answer.text).split())
        for signal in (signal for signal in answer.signals if signal.id in [*of.values()][:1]):
            line = Evidence(computed.id, signal.id, said, None, Locator(), Passage())
            yield Source(signal, (line,)), Standing.PLAIN


def values_of(part: FormPart, value: Any, path: str) -> Iterator[tuple[str, FormValue | FormList, Any]]:  # noqa: ANN401
    """The values that the model filled in, without constants and what the schema does not admit."""
    if value is None:
        return
    if isinstance(part, FormObject):
        for name, one in part.parts.items():
            yield from values_of(one, value.get(name), f"{path}.{name}" if path else name)
    elif isinstance(part, FormList) and not isinstance(part.item, FormValue):
        if len(value) <= part.most:  # else there are more of them
            for index, one in enumerate(value):
                yield from values_of(part.item, one, f"{path}[{index}]")
    elif isinstance(part, FormList):
        admitted = isinstance(part.item, FormValue) and all(_admits(part.item, one) for one in value)
        if admitted and part.least <= len(value) <= part.most:
            yield path, part, value
    elif len(part.options) != 1 and _admits(part, value):
        yield path, part, value


def _admits(part: FormValue, value: object) -> bool:
    """Whether the schema admits a value, which tells something: that a thing is unknown does in an enum alone."""
    unknown = not part.options and isinstance(value, str) and says_unknown(value)
    return part.admits(value) and not unknown


def yes_of(part: FormValue | FormList, value: object) -> bool | None:
    """A value that is a yes or a no as such; None for others."""
    yes, rest = truth(str(value)) if is_truth(part) else (None, "")
    return None if rest else yes


def _differs(part: FormValue | FormList, guess: Any, value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a guess is the opposite of a yes or a no, or has what a list does not have."""
    if isinstance(part, FormList):
        return not {as_text(one).lower() for one in guess} <= {as_text(one).lower() for one in value}
    return yes_of(part, guess) is not yes_of(part, value)


def _of_lists(path: str, proposals: Sequence[Proposal]) -> Verdict:
    """The lists of values that sources tell compared: the same values in any order."""
    groups: dict[tuple[str, ...], list[Claim]] = {}
    for one in proposals:
        groups.setdefault(tuple(sorted(as_text(item).lower() for item in one.value)), []).append(one.claim)
    return verdict_of(path, [*groups.values()])


def _refusal(verdicts: Sequence[Verdict], missing: Sequence[str]) -> str:
    """What is missing in a form, by its paths."""
    by_path = {verdict.attribute: verdict for verdict in verdicts}
    said = []
    for path in missing:
        verdict = by_path.get(path)
        values = "; ".join(told.shown for told in verdict.values) if verdict else ""
        if verdict is not None and verdict.status is Agreement.CONFLICT:
            said.append(f"The sources contradict each other on {path}{f': {values}' if values else ''}.")
        elif values:
            said.append(f"It is not sure enough what is told of {path}: {values}.")
        else:
            said.append(f"The sources do not tell {path}.")
    return " ".join(said) or "The sources tell nothing of what the schema asks for."
