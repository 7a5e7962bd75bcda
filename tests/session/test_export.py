"""Conversations brought out of the history: as a page, as JSON, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers.commands import unprivileged
from helpers.conversations import answer, passage_answer, rich_answer
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from edge_assistant.core.answer import Answer, Note
from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.governance.redaction.answers import redacted
from edge_assistant.governance.redaction.redactor import Redactor
from edge_assistant.history.conversations import Saved, SavedSignal, SavedState, SavedTurn
from edge_assistant.session import export

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FORM = replace(take_bytes(b"1", Kind.IMAGE, 1, origin=Origin.CAMERA, name="form|1.jpg"), taken=AT)
SPOKEN = replace(take_bytes(b"2", Kind.AUDIO, 1, origin=Origin.MICROPHONE, name="note.wav"), taken=AT)


def saved(*answers: Answer, signals: tuple[Signal, ...] = (FORM, SPOKEN)) -> Saved:
    kept = tuple(SavedSignal(signal, SavedState.READY, removed=signal is SPOKEN) for signal in signals)
    turns = tuple(SavedTurn(AT, json.loads(json.dumps(found.to_json()))) for found in answers)
    return Saved("0123456789abcdef", "What is she allergic to?", AT, kept, turns)


def test_a_page_has_the_answers_verdicts_and_sources_with_their_places() -> None:
    page = export.markdown(saved(rich_answer((FORM, SPOKEN)), answer("")), whole=True)
    for line in (
        "# What is she allergic to?",
        f"| image:1 | form\\|1.jpg | camera | 2026-01-02 03:04:05 UTC | ready | {FORM.sha256} |",
        f"| audio:1 | note.wav | microphone | 2026-01-02 03:04:05 UTC | ready, removed | {SPOKEN.sha256} |",
        "## 1. What is she allergic to?",
        "The form says none [E1], the recording says penicillin [E2]; that is 2 sources [C1].",
        "*conflict*, 2026-01-02 03:04:05 UTC, compare: two signals tell of it; by whisper-base",
        "| allergy | the patient | conflict | none [E1] / penicillin \\| \\*all\\* kinds [E2] |",
        "| dose |  | not found | no source says |",
        "- [E1] image:1 form\\|1.jpg, page 1, box 10 20 30 40, confidence 97%: Allergies: none",
        "- [E2] audio:1 note.wav, 00:03.1-00:05.4, confidence 50%: She is allergic to penicillin.",
        "- [C1] 1 + 1 = 2, from [E1][E2]",
        "- readings:1: vitals.csv is empty - give a file with content",
        "## 2. Do the signals agree?",
    ):
        assert line in page.splitlines()
    assert "never cited" not in page


def test_of_a_passage_the_page_has_the_sentence_with_the_value_redacted_too() -> None:
    kept = saved(passage_answer(), signals=())
    page = export.markdown(kept, whole=True).splitlines()
    assert "- [E1] text:1 note.txt, characters 30-66: … The temperature at 9:10 was 85 degC. …" in page
    shown = export.markdown(redacted(kept, Redactor(bytes(32))), whole=False).splitlines()
    assert "- [E1] text:1 \\[FILE-1\\].txt, characters 0-96: … The temperature at 9:10 was 85 degC. …" in shown


def test_a_page_has_what_was_noted_of_signals_and_whether_it_is_redacted() -> None:
    noted = replace(answer(), notes=(Note("text:1", 'a.txt: instructions to its reader: "The *pump* is off."'),))
    page = export.markdown(saved(noted), whole=True).splitlines()
    assert '- text:1: a.txt: instructions to its reader: "The \\*pump\\* is off."' in page
    assert "**Not redacted: names, numbers and addresses stand as they are.**" in page
    assert "Not redacted" not in export.markdown(saved(noted), whole=False)


def test_json_has_each_answer_whole() -> None:
    answers = (rich_answer((FORM, SPOKEN)), answer("And now?"))
    found = json.loads(export.as_json(saved(*answers), whole=True))
    assert [turn["answer"] for turn in found["turns"]] == [given.to_json() for given in answers]
    assert [Answer.from_json(turn["answer"]).to_json() for turn in found["turns"]] == [a.to_json() for a in answers]
    assert [signal["name"] for signal in found["signals"]] == ["form|1.jpg", "note.wav"]
    assert found["signals"][1] == {
        "id": "audio:1",
        "kind": "audio",
        "origin": "microphone",
        "name": "note.wav",
        "sha256": SPOKEN.sha256,
        "taken": "2026-01-02T03:04:05+00:00",
        "state": "ready",
        "removed": True,
    }


HOSTILE = [
    "![seen](https://example.org/seen.png)",
    "[E1](https://example.org)",
    "![E1][x]\n\n[x]: https://example.org",
    "[E1]: https://example.org",
    "<img src='https://example.org/seen.png'>",
    "<https://example.org>",
    "<script>alert(1)</script>",
    "\\![seen](https://example.org)",
    "[a\\](https://example.org)",
    "[![x](y)](z)",
    "\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\",
]


def tokens(page: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(page):
        yield token
        yield from token.children or ()


def everywhere(text: str) -> Saved:
    """A conversation in which a text stands wherever something is shown."""
    found = rich_answer((replace(FORM, name=text), SPOKEN))
    evidence = tuple(replace(item, text=text) for item in found.evidence)
    verdicts = tuple(replace(verdict, attribute=text, subject=text) for verdict in found.verdicts)
    failed = tuple(replace(failure, message=text, hint=text) for failure in found.failed)
    computed = tuple(replace(item, formula=text) for item in found.computed)
    turn = replace(
        found, question=text, text=text, evidence=evidence, verdicts=verdicts, failed=failed, computed=computed
    )
    return replace(saved(turn, signals=(replace(FORM, name=text),)), title=text)


@given(st.sampled_from(HOSTILE) | st.text(alphabet=st.sampled_from(list("![]()<>:\\ \nEax1/`*_|#-")), max_size=40))
def test_no_text_becomes_a_link(text: str) -> None:
    page = export.markdown(everywhere(text), whole=True)
    assert {token.type for token in tokens(page)} & {"image", "link_open", "html_block", "html_inline"} == set()
    assert "\x1b" not in page


QUOTED = ("2*3*4 [E1].", "a_17_b", "~~500~~ 50 mg", "- 5 degC", "-5", "2. May", "&lt;b>", "=")
MARKUP = st.text(alphabet=st.sampled_from(list("![]()<>:\\ Eax1/`*_|#-+=.~&;")), max_size=40).filter(str.strip)


@given(st.sampled_from(QUOTED) | MARKUP)
def test_what_an_answer_quotes_is_read_as_it_was_said(text: str) -> None:
    page = export.markdown(saved(answer(text=text)), whole=True)
    parsed = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(page)
    inline = [token for token in parsed if token.type == "inline"]
    said = inline[next(at for at, token in enumerate(inline) if token.content == "1. Which?") + 1]
    read = "".join("\n" if part.type == "softbreak" else part.content for part in said.children or ())
    assert {part.type for part in said.children or ()} <= {"text", "softbreak"}
    assert read.split() == text.split()


@given(st.text(max_size=60))
def test_any_text_can_be_written(text: str) -> None:
    for page in (as_page(everywhere(text), whole=True) for as_page in (export.markdown, export.as_json)):
        assert page.encode("utf-8", "replace")
    assert json.loads(export.as_json(everywhere(text), whole=True))["title"] == text


@pytest.mark.parametrize("name", ["a.json", "a.md", "a.JSON", "a"])
def test_the_name_says_what_is_written_in_place_of_what_is_there(tmp_path: Path, name: str) -> None:
    placed = replace(FORM, path=tmp_path / "private" / "form.jpg")
    conversation = saved(rich_answer((FORM, SPOKEN)), signals=(placed, SPOKEN))
    (tmp_path / name).write_text("x" * 100_000)
    export.write(conversation, tmp_path / name, None)
    as_written = export.as_json if name.lower().endswith("json") else export.markdown
    assert (tmp_path / name).read_text("utf-8") == as_written(conversation, whole=True)
    assert "private" not in (tmp_path / name).read_text("utf-8")
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_place_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.md cannot lie in a folder that does not exist"):
        export.write(saved(answer()), tmp_path / "none" / "a.md", None)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):  # whoever runs as root could replace a device
        with pytest.raises(UsageError, match="is no file"):
            export.write(saved(answer()), path, None)


def test_what_redacts_is_asked_first_and_the_file_says_so(tmp_path: Path) -> None:
    asked: list[Saved] = []

    def redact(given: Saved) -> Saved:
        asked.append(given)
        return replace(given, title="[PERSON-1]")

    conversation = saved(answer())
    for name in ("a.md", "a.json"):
        export.write(conversation, tmp_path / name, redact)
    assert asked == [conversation, conversation]
    page, found = (tmp_path / "a.md").read_text("utf-8"), json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert page.startswith("# \\[PERSON-1\\]\n\n")
    assert f"**{export.REDACTED}**" in page.splitlines()
    assert (found["title"], found["redacted"], found["redaction"]) == ("[PERSON-1]", True, export.REDACTED)
    assert all(word in export.REDACTED for word in ("names", "can remain", "check"))  # what it covers and can miss
    assert "Redacted" not in export.markdown(conversation, whole=True)
    whole = json.loads(export.as_json(conversation, whole=True))
    assert (whole["redacted"], whole["redaction"]) == (False, None)


WRITES_MUCH = """
import resource, sys
from pathlib import Path
from helpers.conversations import answer
from test_export import saved
from edge_assistant.core.errors import StorageFull
from edge_assistant.session import export
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    export.write(saved(answer("x" * 20_000)), Path(sys.argv[1]), None)
except StorageFull as error:
    print(error)
"""


def ran(file: Path, *prefix: str) -> str:
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (here, here.parent)))}
    command = [*prefix, sys.executable, "-c", WRITES_MUCH, str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_disk_that_becomes_full_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("before")
    said = "a.md cannot be written (File too large) - free some space, or choose another folder\n"
    assert ran(tmp_path / "a.md") == said
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.md", "before")]


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    said = "a.md cannot be written (Permission denied) - free some space, or choose another folder\n"
    assert ran(tmp_path / "a.md", *unprivileged()) == said
    tmp_path.chmod(0o755)
