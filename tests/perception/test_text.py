"""Text as passages: the spans index exactly the decoded text, nothing is lost, nothing is doubled."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputEmpty, InputUnsupported
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses import text as module
from edge_assistant.perception.senses.text import MAX_PASSAGE, Text, decode, passages


def perceive(content: str | bytes) -> Percept:
    data = content.encode() if isinstance(content, str) else content
    return Text({}, Runtime(1)).perceive(take_bytes(data, Kind.TEXT, 1, origin=Origin.USER, name="note.txt"), Request())


def texts(content: str | bytes) -> list[str]:
    return [e.text for e in perceive(content).evidence]


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300),
        st.lists(
            st.sampled_from(["a", "Word.", " ", "\n", "\r\n", "\r", "\t", "- x", "12:30 go", "é", "\U0001f40e", "K: v"])
        ).map("".join),
        st.text("ab .\n", max_size=4000),
        st.integers(0, 5000).map(lambda n: "x" * n + " y" * n),
    )
)
def test_spans_index_exactly_the_text(content):
    spans = list(passages(content))
    position = 0
    for a, b in spans:
        assert position <= a < b <= len(content)
        assert b - a <= MAX_PASSAGE
        assert not content[position:a].strip()  # nothing but white space between two passages
        assert content[a:b] == content[a:b].strip()
        position = b
    assert not content[position:].strip()


@given(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff\ufffe"), min_size=1, max_size=200
    ).filter(str.strip),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_evidence_cites_what_it_says(content, encoding):
    data = content.encode(encoding)
    try:
        text = decode(data, "note.txt")
    except InputUnsupported:  # more control characters than a text has
        return
    assert text == content
    for e in perceive(data).evidence:
        a, b = e.locator.chars
        assert text[a:b] == e.text


IMPORTS = """
import sys
from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.sense import Request, senses
(text,) = [sense for sense in senses() if sense.name == "text"]
text({}, Runtime(1)).perceive(take_bytes(b"Hello.", Kind.TEXT, 1, origin=Origin.USER, name="a"), Request())
others = ("csvfile", "pictures", "pdf", "documents", "detectors", "audio", "whisper", "frames")
assert not {f"edge_assistant.perception.{name}" for name in others} & set(sys.modules)
"""


def test_what_other_signals_need_is_not_imported():
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)


LOG = "2014-01-09 02:10 temperature 96.9\n    pump restarted\n2014-01-09 02:15 normal\n[2014-01-09] closed"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (
            "One line\nand the next.\n\n\nAnother \t \n \t\nLast",
            ["One line\nand the next.", "Another", "Last"],
        ),
        ("a\r\n\r\nb\r\rc", ["a", "b", "c"]),
        (LOG, [LOG[:52], "2014-01-09 02:15 normal", "[2014-01-09] closed"]),
        ("To buy:\n- bread\n- milk\n", ["To buy:", "- bread", "- milk"]),
        ("Name: Ann\nAllergies: none", ["Name: Ann", "Allergies: none"]),
        ("Library: Bergen\nFee:\nShelf:\n5", ["Library: Bergen", "Fee:", "Shelf:\n5"]),
        ("# Title\nText that goes on\nand on\n", ["# Title\nText that goes on\nand on"]),
    ],
)
def test_paragraphs_logs_and_lists_are_parted(content, parts):
    assert texts(content) == parts


def test_long_paragraphs_are_split_at_sentences():
    sentence = "The pump ran hot for about twenty minutes before it was stopped by hand. "
    found = texts(sentence * 30)
    assert len(found) > 3
    assert all(text.endswith("by hand.") and text.startswith("The pump") for text in found)
    assert " ".join(found) == (sentence * 30).strip()
    assert [len(text) for text in texts("x" * 1500)] == [600, 600, 300]


def test_what_is_chopped_too_finely_is_cut_off_with_a_note(monkeypatch):
    monkeypatch.setattr(module, "MAX_PASSAGES", 10)
    percept = perceive("word\n\n" * 12)
    assert len(percept.evidence) == 10
    assert percept.notes == ("note.txt has over 10 passages: its last 12 characters are left out",)


NO_TEXT = [
    *(b"abc\0def", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"PK\x03\x04\x14\x06\x08", b"good " * 50_000 + b"\0"),
    *("text".encode(encoding) for encoding in ("utf-16-le", "utf-32")),
]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        *((content, InputEmpty, "no words") for content in (b" \n\t ", b"\xef\xbb\xbf")),
        *((content, InputUnsupported, "not text in UTF-8") for content in (b"caf\xe9", b"good " * 50_000 + b"\xff")),
        *((content, InputUnsupported, "not text") for content in NO_TEXT),
        ("text".encode("utf-16")[:-1], InputUnsupported, "not text in UTF-16"),
    ],
)
def test_what_is_no_text_is_refused(content, error, words):
    with pytest.raises(error, match=words):
        perceive(content)
