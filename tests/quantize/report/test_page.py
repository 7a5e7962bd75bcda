"""The report of a record: the decision first, hostile names harmless, the same bytes each time, plots with tables."""

from __future__ import annotations

import base64
import importlib.util
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from helpers.looks import hits
from helpers.records import NOISE, SUM, record, variant
from helpers.smalldisk import fill, mounted

from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.errors import StorageFull
from edge_assistant_quantize.record import AcceptanceLook, Bound, Criterion, Layer, ModelFile, ModelSums
from edge_assistant_quantize.report import page, text

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


def looked(number: int, share: float, bound: Bound = Bound.AT_MOST_WORSE, limit: float = 0.05) -> AcceptanceLook:
    """A look at a detector whose reference finds 82 % of the objects."""
    return AcceptanceLook(
        time=f"2026-11-{number:02}T09:30:00+00:00",
        candidate=ModelSums("static int8", {"model": SUM}, {}),
        reference=ModelSums("f32", {"model": "cd" * 32}, {}, "nanodet"),
        criteria=[Criterion("presence", bound, limit)],
        of_candidate={"presence": hits("presence", share), "precision": hits("precision", 0.8)},
        of_reference={"presence": hits("presence", 0.82), "precision": hits("precision", 0.8)},
        data={"presence": "12" * 32},
        numbers={"presence": number},
        code="",
    )


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
        looks=[
            msgspec.structs.replace(
                looked(1, 0.8), candidate=ModelSums(HOSTILE[0], {}, {}), reference=ModelSums(HOSTILE[6], {}, {}, "x")
            )
        ],
        chosen=forms[0].name,
    )


class Tags(HTMLParser):
    """The tags, attributes, text and tables of a page."""

    def __init__(self, folder: Path):
        super().__init__()
        self.tags, self.attributes, self.text, self.rows = [], [], [], []
        self.source = (folder / page.HTML).read_text("utf-8")
        ET.fromstring(self.source)  # well-formed: every element is closed where it should be
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text.append(data)
        if self.rows and self.rows[-1] and {"td", "th"} & set(self.tags[-2:]):
            self.rows[-1][-1] += data.strip()


@needs_matplotlib
def test_a_page_is_the_same_each_time_stands_alone_and_tells_its_plots(tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        page.write(record(), folder)
        assert [path.name for path in folder.iterdir()] == ["report.html"]
    tags = Tags(folder)
    assert tags.source == (tmp_path / "a" / page.HTML).read_text("utf-8")
    assert not {"script", "link", "iframe", "object", "a"} & set(tags.tags)
    assert [tags.tags.count(tag) for tag in ("img", "figure", "figcaption")] == [3, 3, 3]
    assert [tags.tags.count(tag) for tag in ("h1", "main")] == [1, 1]
    images = [value.partition("base64,") for name, value in tags.attributes if name in {"href", "src", "xlink:href"}]
    assert {head for head, _, _ in images} == {"data:image/svg+xml;"}
    for *_, drawn in images:
        assert not re.search(r'@import|href="[^#]|url\([^#]', base64.b64decode(drawn).decode())
    assert all(value for name, value in tags.attributes if name == "alt")
    assert not re.search(r"@import|url\(", tags.source)
    row = next(row for row in tags.rows if row[:2] == ["2", "static int8, 1 node left"])
    assert row[2:6] == ["9.5 MiB", "26 %", "81.5 %, -0.5 (-3.5 to +1.5)", "0.50"]
    assert row[6:] == ["121 MiB", "size, time, memory", "accepted, chosen"]
    assert ["/head/Conv_1", "Conv", "model", "-9", NOISE] in tags.rows
    (size, *_) = (value for name, value in tags.attributes if name == "alt")
    assert size.endswith(": static int8 (9; 74 %), static int8, 1 node left (9.5; 81.5 %), f32 (36; 82 %).")


def test_tables_stay_without_matplotlib(tmp_path, without_plots):
    refused = variant("static int8", 9, 0.74, accepted=False, note="m was quantized already")
    page.write(record(variants=[refused, *record().variants[1:]]), tmp_path)
    tags = Tags(tmp_path)
    assert "img" not in tags.tags
    assert "(matplotlib) is missing" in "".join(tags.text)
    assert "Square: reference" not in "".join(tags.text)
    row = next(row for row in tags.rows if row[:2] == ["1", "static int8"])
    assert row[2:5] == ["9.0 MiB", "25 %", "74 %, -8 (-11 to -6)"]
    assert row[-1] == "not accepted: presence misses at most 0.02 worse; m was quantized already"


@needs_matplotlib
def test_hostile_names_are_shown_and_not_obeyed(tmp_path):
    page.write(hostile(), tmp_path)
    tags = Tags(tmp_path)
    assert "script" not in tags.tags
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    shown = "".join(tags.text)
    for each in (*HOSTILE[:3], "__init__ **b** ~~s~~", "{{ 7 * 7 }} {% raw %}"):
        assert each in shown
    assert "\x1b" not in shown


def test_all_looks_are_shown_with_their_numbers_refusals_and_pairs(tmp_path, without_plots):
    looks = [looked(1, 0.6), looked(2, 0.81), looked(3, 0.81, Bound.AT_LEAST, 0.7)]
    page.write(record(looks=looks), tmp_path)
    rows = [row for row in Tags(tmp_path).rows if row[0].startswith("2026-11")]
    assert [row[7] for row in rows] == ["at most 0.05 worse"] * 2 + ["at least 0.7"]
    assert [row[8] for row in rows] == ["REFUSED", "accepted", "accepted"]
    assert [row[9] for row in rows] == [
        "look 1 at this data, decided at 96.96 %",
        "look 2 at this data, decided at 99.24 %",
        "look 3 at this data, decided at 99.66 %",
    ]
    assert rows[1][4:6] == ["81 %", "82 %"]
    assert rows[1][10:] == ["400", "both 324, lost 4, won 0, neither 72; p 0.12", "12" * 6]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "Take static int8, 1 node left: 9.5 MiB instead of 36.0 MiB (26 %), presence 81.5 % against 82 % "
            "(-0.5 points, 95 % interval -3.5 to +1.5 points; asked: at most 0.02 worse), 0.50 of the reference's "
            "time, at most 121 MiB of memory.",
        ),
        (
            {"variants": [variant("a", 9, 0.5, accepted=False), variant("b", 5, 0.7, accepted=False)], "chosen": ""},
            "Take none: f32 (36.0 MiB) stays, as no form of 2 holds every criterion. Nearest is b (5.0 MiB): "
            "presence 70 % against 82 % (-12 points, 95 % interval -15 to -10 points; asked: at most 0.02 worse).",
        ),
        (
            {
                "variants": [variant(n, 9, v, accepted=True, verdicts=[]) for n, v in (("a", 0.5), ("b", 0.4))],
                "chosen": "",
            },
            "Nothing was decided, as no criterion was asked: 3 forms compared.",
        ),
        (
            {"variants": [], "measures": {}, "chosen": ""},
            "Nothing was decided, as no criterion was asked: 1 forms compared.",
        ),
    ],
)
def test_the_decision_names_what_it_depends_on(changes, said):
    assert text.decision(record(**changes)) == said


def test_a_verdict_says_which_look_it_is():
    (verdict,) = gate.decide(looked(3, 0.81))
    said = text.verdict(text.PLAIN, verdict)
    assert "; look 3 at this data, decided at 99.66 %; asked: at most 0.05 worse)" in said
    assert text.look(msgspec.structs.replace(verdict, look=0)) == ""


def test_a_column_that_says_nothing_is_left_out():
    unmeasured = {"speed": {}, "peak_mib": None}
    reference = msgspec.structs.replace(record().reference, **unmeasured)
    bare = record(reference=reference, variants=[variant("a", 9, 0.5, accepted=True, **unmeasured)])
    head, rows = page.of_record(bare).table(["presence"])
    assert tuple(head) == ("#", "form", "size", "of the size", "presence", "Pareto fronts", "decided")
    assert len(rows[0]) == len(head)


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path, without_plots):
    with mounted(tmp_path / "small") as folder:
        page.write(record(), folder)
        before = (folder / page.HTML).read_bytes()
        filler = fill(folder)
        with pytest.raises(StorageFull):
            page.write(record(recipe="x = 1\n" * 2000), folder)
        filler.unlink()
        assert (folder / page.HTML).read_bytes() == before
        assert {path.name for path in folder.iterdir()} == {page.HTML}
