"""The generator of our own scenario set, tools/make_scenarios.py: is what it makes valid, balanced and surely right?"""

import dataclasses
import json
import re
from collections import Counter
from datetime import date, datetime

import pytest
from scenarios import build, model, objects, phrases, series, values, verify, words, write

from edge_assistant.bench import scenarios as bench
from edge_assistant.evidence import Field, Line, Scene, Speech

FAMILIES = ("clinic", "receipt", "machine", "plate", "label", "photo")
FACT = 6  # phrasings of a fact in each half, and of a question for it
ASKED = 4
TOLD = ("say", "older", "other", "none", "yes", "no")  # sentences; the rest are questions
SHARED = ("labels", "things")  # keys of facts, and two machines of which alone a pressure is asked


@pytest.fixture(scope="module")
def made():
    return {split: build.build(5, split, 4, drawn=True) for split in phrases.SPLITS}


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    root = tmp_path_factory.mktemp("set")
    for scenario in made["dev"]:
        write.write(scenario, root, None, 1)
    return root


def questions(scenarios):
    return [question for scenario in scenarios for question in scenario.questions]


def flat(phrase):
    """A phrasing up to names, case and punctuation: "When does {he} come?" and "when does {name} come" are alike."""
    return " ".join(re.findall(r"\w+|_", re.sub(r"\{[^}]*\}", " _ ", phrase.casefold())))


@pytest.mark.parametrize("domain", phrases.DOMAINS)
def test_the_halves_share_no_phrasing(domain):
    halves = [phrases.table(domain, split) for split in phrases.SPLITS]
    assert len({frozenset(half) for half in halves}) == 1
    for fact in halves[0]:
        entries = [half[fact] for half in halves]
        assert len({frozenset(entry) for entry in entries}) == 1, fact
        for what in entries[0]:
            if what != "nouns":
                told = [{phrase.casefold() for phrase in entry[what]} for entry in entries]
                assert len(set.union(*told)) == sum(len(entry[what]) for entry in entries), (fact, what)


@pytest.mark.parametrize("domain", phrases.DOMAINS)
def test_no_phrasing_of_a_half_apart_is_one_of_another_half_up_to_names(domain):
    def all_of(split):
        entries = phrases.table(domain, split).values()
        kinds = [(what, phrase) for entry in entries for what in entry if what != "nouns" for phrase in entry[what]]
        return {(what in TOLD, flat(phrase)) for what, phrase in kinds}

    assert not all_of("holdout") & (all_of("dev") | all_of("test"))
    assert not all_of("sealed") & (all_of("dev") | all_of("test") | all_of("holdout"))


@pytest.mark.parametrize("split", phrases.SPLITS)
@pytest.mark.parametrize("domain", phrases.DOMAINS[1:])
def test_a_fact_is_told_and_asked_in_many_ways(domain, split):
    for fact, entry in phrases.table(domain, split).items():
        for what, least in (("ask", ASKED), ("say", FACT)):
            if what in entry and "nouns" in entry:
                assert len(entry[what]) >= least, (fact, what)


def strings(names):
    """All names in what a TOML table holds, keys included where what they name has numbers, as medicines have."""
    if isinstance(names, str):
        return [names]
    return [name for item in names if not isinstance(item, int) for name in strings(item)]


@pytest.mark.parametrize("split", phrases.APART)
@pytest.mark.parametrize("domain", phrases.DOMAINS[1:])
def test_a_half_apart_has_names_of_its_own(domain, split):
    assert phrases.own_names(domain, "dev") == phrases.own_names(domain, "test") == {}
    code = "".join(path.read_text("utf-8") for path in phrases.Path(phrases.__file__).parent.glob("*.py"))
    own = {key: strings(names) for key, names in phrases.own_names(domain, split).items() if key not in SHARED}
    assert [name for names in own.values() for name in names if f'"{name}"' in code] == []
    assert all(len(set(names)) == len(names) >= 4 for names in own.values())


@pytest.mark.parametrize("split", phrases.SPLITS)
def test_every_answer_follows_from_the_signals(made, split):
    assert [fault for scenario in made[split] for fault in verify.faults(scenario)] == []


@pytest.mark.parametrize("split", phrases.SPLITS)
def test_as_many_agree_as_conflict(made, split):
    found = verify.balance(made[split])
    assert found["agree"] == found["conflict"] > 20


@pytest.mark.parametrize("split", phrases.SPLITS)
def test_every_family_and_type_is_there(made, split):
    assert Counter(scenario.id.rsplit("-", 1)[0] for scenario in made[split]) == dict.fromkeys(FAMILIES, 4)
    assert {question.type for question in questions(made[split])} == set(verify.TYPES)
    assert {scenario.domain for scenario in made[split]} == {"clinic", "receipts", "machines", "mixed", "photos"}


def test_the_default_set_is_large(monkeypatch):
    monkeypatch.setattr("scenarios.sheet.Sheet.scanned", lambda self, *_, **__: (b"", self.evidence))
    for seed, split in ((1, "dev"), (2, "test"), (3, "holdout"), (4, "sealed")):
        scenarios = build.build(seed, split, 14, drawn=True)
        assert [fault for scenario in scenarios for fault in verify.faults(scenario)] == []
        assert len(questions(scenarios)) >= 300
        assert verify.balance(scenarios) == {"agree": 77, "conflict": 77}


def test_the_bench_reads_it(made, folder):
    read = bench.load(folder)
    assert [scenario.id for scenario in read] == sorted(scenario.id for scenario in made["dev"])
    by_id = {scenario.id: scenario for scenario in made["dev"]}
    for scenario in read:
        assert [tuple(q.cites) for q in scenario.questions] == [q.cites for q in by_id[scenario.id].questions]
        perceived = scenario.gold()
        kinds = {signal.id: signal.kind for signal in scenario.take()}
        assert {name for name, kind in kinds.items() if kind in ("image", "audio")} == set(perceived)
        assert all(perceived.values())


def test_gold_evidence_has_the_form_of_the_senses(folder):
    seen = Counter(
        type(item.detail)
        for scenario in bench.load(folder)
        for items in scenario.gold().values()
        for item in items
        if item.locator.box is None or min(item.locator.box) >= 0
    )
    assert {Field, Line, Scene, Speech} <= set(seen)
    assert seen[Field] > 40


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path):
    for scenario in build.build(5, "dev", 4, drawn=True):
        write.write(scenario, tmp_path, None, 1)
    first, second = ({p.relative_to(root): p.read_bytes() for p in root.rglob("*.*")} for root in (folder, tmp_path))
    assert first == second


def test_another_seed_gives_other_scenarios(made):
    other = build.build(6, "dev", 1, only="clinic")
    assert write.toml(other[0]) != write.toml(made["dev"][0])


@pytest.mark.parametrize(
    "value",
    [
        values.money(3840),
        values.calendar_day(date(2018, 10, 19)),
        values.time_of_day(16, 5),
        values.dose(5000),
        values.temperature(37.2),
        values.pressure(6.2),
        values.percentage(45),
        values.voltage(400),
        values.current(12),
        values.power(7.5),
        values.blood_pressure(142, 88),
        values.weight(68),
        words.telephone("0161 496 0321"),
        words.identifier("KX-2207-11"),
        words.person("Joan", "Hale"),
        words.medicine("ramipril"),
        words.listed(["penicillin", "latex"]),
        words.listed([]),
    ],
    ids=lambda value: value.kind,
)
def test_a_value_has_at_least_three_writings(value):
    said = [form for text in value.said for form in (model.spoken(text), model.transcript(text))]
    assert len({*value.printed, *value.typed, *said}) >= 3
    assert value.answers


def test_a_wrong_answer_is_noticed(made):
    scenario = next(s for s in made["dev"] if s.id == "receipt-001")
    question = next(q for q in scenario.questions if q.type == "lookup")
    assert question.rests[0].entries == question.answer
    wrong = dataclasses.replace(question, answer=("77.77",))
    assert len(verify.faults(dataclasses.replace(scenario, questions=[wrong]))) == 1
    moved = dataclasses.replace(question, rests=(dataclasses.replace(question.rests[0], words="nowhere"),))
    assert len(verify.faults(dataclasses.replace(scenario, questions=[moved]))) == 1


def test_numbers_are_computed_from_the_file():
    text = "time,power [kW]\n" + "".join(f"2024-03-0{day}T10:0{m}:00,{day}{m}.5\n" for day in (1, 2) for m in (0, 5))
    assert series.compute(text, "max") == 25.5
    assert series.compute(text, "max on 2024-03-01") == 15.5
    assert series.compute(text, "mean") == 18.0
    assert series.compute(text, "when min") == datetime(2024, 3, 1, 10, 0)
    assert series.compute(text, "at 2024-03-02T10:00:00") == 20.5
    assert series.compute(text, "first over 15.5") == datetime(2024, 3, 2, 10, 0)
    assert series.compute(text, "minutes over 15.5") == 10


def test_photographs_that_are_too_busy_are_left_out(tmp_path):
    large, small = [10, 10, 200, 200], [1, 1, 9, 9]
    labels = {
        "a.jpg": [("dog", large)],
        "b.jpg": [("dog", small)],
        "c.jpg": [("sheep", large)] * 6,
        "d.jpg": [("dog", large), ("cat", large), ("person", large)],
    }
    entries = {
        name: {"size": [640, 480], "objects": [{"label": label, "box": box} for label, box in objects_]}
        for name, objects_ in labels.items()
    }
    (tmp_path / "labels.json").write_text(json.dumps(entries), "utf-8")
    for name in labels:
        (tmp_path / name).write_bytes(b"\xff\xd8")
    found = objects.photographs(tmp_path)
    assert [photo.kinds() for photo in found] == [{"animal": "dog"}, {}]
    assert found[1].countable() == ["dog", "cat", "person"]


def test_without_photographs_real_perception_has_none():
    assert build.build(1, "dev", 2, only="photos") == []
