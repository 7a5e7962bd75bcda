"""The report of a record: the decision first, hostile names harmless, the same bytes each time, readable plots."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.records import record, variant
from helpers.smalldisk import fill, mounted
from markdown_it import MarkdownIt

from edge_assistant_quantize.errors import StorageFull
from edge_assistant_quantize.record import Layer, ModelFile
from edge_assistant_quantize.report import page

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b`c``d",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x.svg)",
    "$\\frac{1}$ __init__ **b** ~~s~~",
    "two\nlines \x1b[31m \u202e",
    '"><svg onload=alert(1)>',
    "\U0001f600 ￿ 模型",
    "&lt; www.example.org a@b.org {{ 7 * 7 }} {% raw %}",
]
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is missing")


@pytest.fixture
def without_plots(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))


def hostile():
    """A record whose every text is hostile."""
    names = iter(HOSTILE * 9)
    forms = [
        variant(
            next(names),
            9 + place,
            0.8,
            accepted=not place,
            method=next(names) + next(names),
            files={next(names): ModelFile(next(names), 10, next(names))},
            excluded=[next(names), next(names)],
            note=next(names),
            speed={next(names): 1.0},
        )
        for place in range(4)
    ]
    pairs = {name: name for name in HOSTILE}
    return record(
        name=HOSTILE[0],
        recipe="\n".join(HOSTILE) + "\n```\n# x",
        commands=HOSTILE,
        versions=pairs,
        machine=pairs,
        inputs=pairs,
        variants=forms,
        layers=[Layer(name, name, name, -1.0 * place, HOSTILE[4]) for place, name in enumerate(HOSTILE)],
        chosen=forms[0].name,
    )


class Tags(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, folder: Path):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed((folder / page.HTML).read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_the_golden_one(tmp_path, without_plots):
    page.write(record(), tmp_path)
    assert (tmp_path / "report.md").read_text("utf-8") == Path(__file__).with_name("golden.md").read_text("utf-8")
    assert not (tmp_path / "plots").exists()


@needs_matplotlib
def test_a_page_is_the_same_each_time_stands_alone_and_has_plots_that_are_text(tmp_path):
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        page.write(record(), folder)
        files.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")})
    assert len(files[0]) == 6
    assert files[0] == files[1]
    tags = Tags(folder)
    assert not {"script", "img", "link", "iframe", "object", "a"} & set(tags.tags)
    assert tags.tags.count("svg") == 4
    links = [value for name, value in tags.attributes if name in {"href", "src", "xlink:href"}]
    assert [value for value in links if not value.startswith("#")] == []
    identifiers = [value for name, value in tags.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert {value[1:] for value in links} <= set(identifiers)
    assert not re.search(r"@import|url\((?!#)", (folder / page.HTML).read_text("utf-8"))
    plots = {path.name: ET.parse(path).getroot() for path in (folder / "plots").iterdir()}
    assert plots.keys() == {"layers.svg", "memory.svg", "size-1.svg", "speed.svg"}
    for root in plots.values():
        (title, style) = root[:2]
        assert root.get("role") == "img"
        assert "static int8" in title.text or "/head/Conv_1" in title.text
        assert "prefers-color-scheme:dark" in style.text
    shown = "".join(plots["size-1.svg"].itertext())
    assert "static int8, 1 node left" in shown
    assert "Pareto front" in shown


@needs_matplotlib
def test_hostile_names_are_shown_and_not_obeyed(tmp_path):
    page.write(hostile(), tmp_path)
    tags = Tags(tmp_path)
    assert "script" not in tags.tags
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    text = "".join(tags.text)
    for shown in (*HOSTILE[:3], "__init__ **b** ~~s~~", "{{ 7 * 7 }} {% raw %}"):
        assert shown in text
    assert "\x1b" not in text
    for path in (tmp_path / "plots").iterdir():
        ET.parse(path)


def test_hostile_names_break_no_table(tmp_path, without_plots):
    page.write(hostile(), tmp_path)
    tokens = MarkdownIt("commonmark").enable("table").parse((tmp_path / "report.md").read_text("utf-8"))
    assert {token.type for token in tokens if token.type.startswith("html")} == set()
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "text_special"}
    opened = [token.type for token in tokens]
    assert opened.count("table_open") == 4
    assert opened.count("th_open") == 7 + 5 + 6 + 6  # forms, layers, further figures, files


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "Take static int8, 1 node left: 9.5 MiB instead of 36.0 MiB (26 %), presence 81.5 % against 82.0 % "
            "(-0.5 points, 95 % interval -3.5 to +1.5 points; asked: at most 0.02 worse), 0.50 of the reference's "
            "time, at most 121 MiB of memory.",
        ),
        (
            {"variants": [variant("a", 9, 0.5, accepted=False), variant("b", 5, 0.7, accepted=False)], "chosen": ""},
            "Take none: each of the 2 forms misses a criterion, so f32 (36.0 MiB) stays. Nearest is b (5.0 MiB): "
            "presence 70.0 % against 82.0 % (-12.0 points, 95 % interval -15.0 to -10.0 points; asked: at most 0.02 "
            "worse).",
        ),
        (
            {
                "variants": [variant(n, 9, v, accepted=True, verdicts=[]) for n, v in (("a", 0.5), ("b", 0.4))],
                "chosen": "",
            },
            "Nothing was decided, as no criterion was asked: 2 forms measured; no other is both smaller and better in "
            "presence than a (9.0 MiB), f32 (36.0 MiB).",
        ),
        ({"chosen": ""}, "None is chosen yet; what was asked holds for static int8, 1 node left."),
        (
            {"variants": [], "measures": {}, "chosen": ""},
            "Nothing was decided, as no criterion was asked: 0 forms measured.",
        ),
    ],
)
def test_the_decision_names_what_it_depends_on(changes, said):
    assert page.decision(record(**changes)) == said


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path, without_plots):
    with mounted(tmp_path / "small") as folder:
        page.write(record(), folder)
        before = (folder / "report.md").read_bytes()
        filler = fill(folder)
        with pytest.raises(StorageFull):
            page.write(record(recipe="x = 1\n" * 2000), folder)
        filler.unlink()
        assert (folder / "report.md").read_bytes() == before
        assert {path.name for path in folder.iterdir()} == {"report.md", "report.html"}
