"""The report of a record: the decision first, hostile names harmless, the same bytes each time, plots to be read."""

import importlib.util
import os
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.records import SUM, record, variant
from helpers.smalldisk import fill, mounted
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from edge_assistant.core.errors import InputCorrupt
from edge_assistant_quantize import record as records
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import InputMissing, StorageFull
from edge_assistant_quantize.record import File, Layer, Measure
from edge_assistant_quantize.report import reading, told
from edge_assistant_quantize.report.escaped import block, code, plain
from edge_assistant_quantize.report.write import write

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b`c``d",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x.svg)",
    "$\\frac{1}$ __init__ **b** ~~s~~",
    "two\nlines \x1b[31m \u202e",
    '"><svg onload=alert(1)>',
    "\U0001f600 ￿ 模型",
    "&lt; www.example.org a@b.org",
]
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is missing")


@pytest.fixture
def without_plots(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))


def hostile():
    """Every text of a record is one that means harm."""
    names = iter(HOSTILE * 9)
    forms = [
        variant(
            next(names),
            9 + place,
            0.8,
            accepted=not place,
            method=next(names) + next(names),
            files={next(names): File(next(names), 10, next(names))},
            excluded=[next(names), next(names)],
            note=next(names),
            speed={next(names): 1.0},
        )
        for place in range(4)
    ]
    layers = [Layer(name, name, name, -1.0 * place, HOSTILE[4]) for place, name in enumerate(HOSTILE)]
    pairs = {name: name for name in HOSTILE}
    return record(
        name=HOSTILE[0],
        recipe="\n".join(HOSTILE) + "\n```\n# x",
        commands=HOSTILE,
        versions=pairs,
        machine=pairs,
        inputs=pairs,
        variants=forms,
        layers=layers,
        chosen=forms[0].name,
    )


class Tags(HTMLParser):
    """What a page holds."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def parsed(folder: Path) -> Tags:
    tags = Tags()
    tags.feed((folder / "report.html").read_text("utf-8"))
    return tags


def test_the_page_is_the_golden_one(tmp_path, without_plots):
    write(record(), tmp_path)
    assert (tmp_path / "report.md").read_text("utf-8") == Path(__file__).with_name("golden.md").read_text("utf-8")
    assert not (tmp_path / "plots").exists()


@needs_matplotlib
def test_the_same_record_gives_the_same_bytes(tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        write(record(), folder)
    first = {path.relative_to(tmp_path / "a"): path.read_bytes() for path in (tmp_path / "a").rglob("*.*")}
    assert len(first) == 6
    assert first == {path.relative_to(tmp_path / "b"): path.read_bytes() for path in (tmp_path / "b").rglob("*.*")}


@needs_matplotlib
def test_a_page_stands_alone(tmp_path):
    write(record(), tmp_path)
    tags = parsed(tmp_path)
    assert not {"script", "img", "link", "iframe", "object", "a"} & set(tags.tags)
    assert tags.tags.count("svg") == 4
    links = [value for name, value in tags.attributes if name in {"href", "src", "xlink:href"}]
    assert [value for value in links if not value.startswith("#")] == []
    identifiers = [value for name, value in tags.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert {value[1:] for value in links} <= set(identifiers)
    assert not re.search(r"@import|url\((?!#)", (tmp_path / "report.html").read_text("utf-8"))


@needs_matplotlib
def test_plots_are_text_have_words_and_turn_dark(tmp_path):
    write(record(), tmp_path)
    plots = sorted((tmp_path / "plots").iterdir())
    assert [path.name for path in plots] == ["layers.svg", "memory.svg", "size-1.svg", "speed.svg"]
    for path in plots:
        root = ET.parse(path).getroot()
        (title, style) = root[:2]
        assert root.get("role") == "img"
        assert "static int8" in title.text or "/head/Conv_1" in title.text
        assert "prefers-color-scheme:dark" in style.text
    shown = "".join(ET.parse(tmp_path / "plots" / "size-1.svg").getroot().itertext())
    assert "static int8, 1 node left" in shown
    assert "Pareto front" in shown


@needs_matplotlib
def test_hostile_names_are_shown_and_not_obeyed(tmp_path):
    write(hostile(), tmp_path)
    tags = parsed(tmp_path)
    assert "script" not in tags.tags
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    text = "".join(tags.text)
    for told_as in ("<script>alert(1)</script>", "a|b`c``d", "[x](javascript:alert(1))", "__init__ **b** ~~s~~"):
        assert told_as in text
    assert "\x1b" not in text
    for path in (tmp_path / "plots").iterdir():
        ET.parse(path)


def test_hostile_names_break_no_table(tmp_path, without_plots):
    write(hostile(), tmp_path)
    tokens = MarkdownIt("commonmark").enable("table").parse((tmp_path / "report.md").read_text("utf-8"))
    assert {token.type for token in tokens if token.type.startswith("html")} == set()
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "text_special"}
    opened = [token.type for token in tokens if token.type in {"table_open", "tr_open", "td_open", "th_open"}]
    assert opened.count("table_open") == 4
    assert opened.count("th_open") == 7 + 5 + 6 + 6  # forms, layers, further figures, files


@given(st.text(max_size=60))
def test_any_text_is_shown_as_it_is(text):
    reader = MarkdownIt("commonmark").enable("table")
    page = f"| a | b |\n| --- | --- |\n| x {plain(text)} | {code(text, cell=True)} |\n\n{block(text)}\n\nend\n"
    tokens = reader.parse(page)
    cells = [token for token in tokens if token.type == "inline"]
    assert len([token for token in tokens if token.type == "td_open"]) == 2
    assert {child.type for cell in cells for child in cell.children} <= {"text", "code_inline", "text_special"}
    assert cells[-1].content == "end"


def test_the_decision_names_what_it_rests_on():
    assert told.spoken(told.decision(record())) == (
        "Take static int8, 1 node left: 9.5 MiB instead of 36.0 MiB (26 %), presence 81.5 % against 82.0 % "
        "(-0.5 points, 95 % interval -3.5 to +1.5 points; asked: at most 0.02 worse), 0.50 of the reference's time, "
        "at most 121 MiB of memory."
    )


def test_where_all_fail_the_reference_stays():
    refused = [variant("a", 9, 0.5, accepted=False), variant("b", 5, 0.7, accepted=False)]
    said = told.spoken(told.decision(record(variants=refused, chosen="")))
    assert said.startswith("Take none: each of the 2 forms misses a criterion, so f32 (36.0 MiB) stays. Nearest is b")


def test_where_nothing_was_asked_the_front_is_told():
    forms = [variant("a", 9, 0.5, accepted=True, verdicts=[]), variant("b", 9, 0.4, accepted=True, verdicts=[])]
    said = told.spoken(told.decision(record(variants=forms, chosen="")))
    assert said == (
        "Nothing was decided, as no criterion was asked: 2 forms measured; no other is both smaller and better in "
        "presence than a (9.0 MiB), f32 (36.0 MiB)."
    )


def test_what_was_accepted_and_not_chosen_is_named():
    assert told.spoken(told.decision(record(chosen=""))) == (
        "None is chosen yet; what was asked holds for static int8, 1 node left."
    )


def test_less_is_better_where_the_record_says_so():
    forms = [variant("a", 9, 0.9, accepted=True)]
    plain_record = record(variants=forms, measures={"presence": Measure(lower_is_better=True)})
    assert [form.name for form in reading.front(plain_record, "presence")] == ["a", "f32"]
    assert reading.metrics(record(measures={})) == []


def test_time_comes_from_the_rates_where_no_ratio_was_measured():
    reference = replace(record().reference, speed={"decode_tokens_per_s": 20.0})
    form = variant("a", 9, 0.9, accepted=True, speed={"decode_tokens_per_s": 40.0})
    assert reading.time_ratio(record(reference=reference), form) == 0.5
    assert reading.time_ratio(record(), form) is None


def test_the_verb_writes_it_again(tmp_path, capsys, without_plots):
    records.write(record(), tmp_path / records.FILE)
    assert main(["report", str(tmp_path)]) == 0
    assert "Take static int8, 1 node left: 9.5 MiB" in capsys.readouterr().out
    assert "install 'edge-assistant-offline[quantize]'" in (tmp_path / "report.md").read_text("utf-8")
    assert main(["report", str(tmp_path / records.FILE), "--output", str(tmp_path / "pages")]) == 0
    assert (tmp_path / "pages" / "report.html").is_file()


def test_a_folder_without_a_record_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 3
    (tmp_path / records.FILE).write_text("{}")
    assert main(["report", str(tmp_path)]) == 3
    assert capsys.readouterr().err.count("error: ") == 2


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path, without_plots):
    with mounted(tmp_path / "small") as folder:
        write(record(), folder)
        before = (folder / "report.md").read_bytes()
        filler = fill(folder)
        with pytest.raises(StorageFull):
            write(record(recipe="x = 1\n" * 2000), folder)
        filler.unlink()
        assert (folder / "report.md").read_bytes() == before
        assert {path.name for path in folder.iterdir()} == {"report.md", "report.html"}


def test_a_sum_is_whole(tmp_path, without_plots):
    write(record(), tmp_path)
    assert f"| `{SUM}` |" in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.parametrize("unit", ["<http://example.org>", "![x](http://example.org/x)", "\x1b[31m", "dB\n", "d" * 99])
def test_a_unit_is_a_word(tmp_path, unit):
    """It stands in pages and on terminals as it is."""
    path = tmp_path / "record.json"
    records.write(replace(record(), measures={"wer": Measure(True, unit)}), path)
    with pytest.raises(InputCorrupt, match=r"record\.json is no record \(.* matching regex"):
        records.read(path)


def test_a_file_that_is_no_record(tmp_path):
    path = tmp_path / "record.json"
    for content in ("", "[]", '{"name": 1}', '{"more": ' + "[" * 100_000 + "]" * 100_000 + "}"):
        path.write_text(content)
        with pytest.raises(InputCorrupt, match=r"record\.json is no record"):
            records.read(path)
    with path.open("wb") as file:
        file.truncate(records.MAX_BYTES + 1)
    with pytest.raises(InputCorrupt, match="it is larger than"):
        records.read(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputMissing, match=r"there is no folder record\.json"):
        records.read(path)
