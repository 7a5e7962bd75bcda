"""The parts of `bench speed`: by reflection, and each of them once for real with the smallest models.

The language model has few of its layers where it writes.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from helpers import plain_model

from edge_assistant.core.errors import ModelMissing
from edge_assistant.core.signals import Kind
from edge_assistant.session.assistant import Assistant
from edge_assistant.session.conversation import Conversation
from edge_assistant_models.portfolio import Portfolio
from evals.speed import process
from evals.speed.part import parts
from evals.speed.parts import (
    decode,
    followup,
    growth,
    live,
    memory,
    minutes,
    page,
    question,
    resident,
    utterance,
)
from evals.speed.process import Run
from evals.speed.rows import How


def measured(part, setting) -> dict[str, object]:
    """The rows by name; each belongs to the part."""
    with process.temporary_home(setting.folder):
        rows = {row.name: row for row in part.measure(setting)}
    assert {row.part for row in rows.values()} == {part.NAME}
    return rows


TOLD = """Intake of Maria Keller, born 12 March 1980, who lives at 4 Mill Lane in Leeds.
Allergies: penicillin. She had a rash after it in 2011, and was given another medicine then.
Dr. Lee takes care of her. She takes 5 mg of ramipril in the morning, and nothing else.
Her blood pressure was 128 over 82 today, her weight is 71 kg, and her pulse was 72.
"""


@pytest.fixture
def told(setting):
    """A setting with a text alone, which takes no time to perceive."""
    (setting.folder / "intake.txt").write_text(TOLD)
    return replace(setting, signals=((Kind.TEXT, str(setting.folder / "intake.txt")),))


def test_every_part_says_what_it_measures():
    found = parts()
    assert [*found] == sorted(found, key=lambda name: found[name].ORDER)
    assert len({part.ORDER for part in found.values()}) == len(found)
    for name, part in found.items():
        assert name == part.NAME == part.__name__.rpartition(".")[2]
        assert part.HELP[0].islower() or part.HELP[0].isdigit()
        whole, quick = part.SECONDS
        assert 0 < quick < whole
        assert isinstance(part.SIGNALS, bool)
        assert [*inspect.signature(part.measure).parameters] == ["setting"]


@pytest.mark.bench
def test_page(setting, steps, monkeypatch):
    monkeypatch.setattr(page, "_PAGES", (1, 1))
    monkeypatch.setattr(page, "LINES", 4)
    rows = measured(page, setting)
    assert rows["page.time"].ours[0] > 0
    assert rows["page.characters"].ours[0] < 5
    assert rows["page.characters"].how is How.DIFFERENCE
    assert steps == sorted(steps)
    assert steps[-1] == 1


def test_decode(setting, steps, short, monkeypatch):
    monkeypatch.setattr(decode, "_COUNT", {"cited": (2, 2), "free": (1, 1)})
    monkeypatch.setattr(decode, "_TOKENS", 8)
    rows = measured(decode, setting)
    over = " ".join(row.what for name, row in rows.items() if name in ("decode.quoting", "decode.telling"))
    assert sum(map(int, re.findall(r", (\d) prompts?", over))) == 2
    assert {f"decode.{kind}" for kind in ("cited_same", "free", "free_same", "repacked")} <= set(rows)
    assert all(rate > 0 for row in rows.values() for rate in row.ours)
    same, different = rows["decode.cited_same"].figure, rows["decode.cited_same"].details["different"]
    assert round(same) == round(100 * (1 - len(different) / 2))
    assert steps[-1] == 1
    assert decode.quoted_share("It stands still now [E1].", "[E1] It stands still now, and it is hot.") == 1.0


def test_a_resident_s_baseline_is_warm_and_what_it_computes_is_ours(setting, monkeypatch):
    ran = []

    def run(command, environment=None):
        ran.append("baseline" if "evals.pipeline" in command else "product")
        return Run(1.0, 0.0, "")

    @contextmanager
    def started(setting):
        yield os.getpid()

    monkeypatch.setattr(resident, "run_command", run)
    monkeypatch.setattr(resident, "running_resident", started)
    monkeypatch.setattr(question, "baseline", lambda setting: ["-m", "evals.pipeline"])
    measured(resident, setting)
    assert sorted(ran[:2]) == ["baseline", "product"], "before anything is measured"
    assert sorted(ran[2:]) == ["baseline", "product", "product"]
    (seconds,) = setting.apart
    assert 0 < seconds <= time.process_time() + sum(os.times()[2:4]) + 0.1


def test_followup(told, short):
    rows = measured(followup, told)
    followup_row, restart = rows["followup.followup"], rows["followup.restart"]
    assert 0 < followup_row.details["reused"] < followup_row.details["tokens"]
    assert restart.details["reused"] > restart.details["tokens"] / 2  # more than the instruction, which prompts share
    assert followup_row.limit.value == restart.limit.value == 0.15


def test_live(told, short):
    rows = measured(live, told)
    row = rows["live.first_word"]
    assert math.isclose(sum(row.details["waterfall"].values()), row.figure)
    assert all(seconds >= 0 for seconds in row.details["waterfall"].values())


def test_what_goes_wrong_beside_a_microphone_is_told(setting, monkeypatch):
    def missing(*given):
        raise ModelMissing("speech is missing", "pull it")

    with process.temporary_home(setting.folder):
        assistant = Assistant(setting.portfolio, setting.profile)
        path = setting.folder / "spoken.wav"
        live.recordings.say(setting.portfolio, setting.question, path, 0)
        monkeypatch.setattr(Assistant, "perceive", missing)
        with pytest.raises(ModelMissing):
            live.ask_aloud(Conversation(assistant, language="en"), path)


@pytest.mark.bench
def test_memory(setting, monkeypatch):
    monkeypatch.setattr(memory, "MOST_MIB", {})
    assert measured(memory, setting)["memory.test"].figure > 100


def test_growth(setting, monkeypatch):
    plain_model.use(monkeypatch)  # the commands measured here read with no real weights
    (rows,) = (kind for kind in growth.KINDS if kind.name == "rows")
    monkeypatch.setattr(growth, "KINDS", (replace(rows, sizes=(rows.sizes[0], (1_000, 10_000))),))
    monkeypatch.setitem(memory.MOST_MIB, setting.profile, 5000.0)
    found = measured(growth, setting)
    assert found["growth.rows_memory"].limit.value == 5000
    assert [one["size"] for one in found["growth.rows"].details["grown"]] == [1_000, 10_000]
    assert found["growth.rows_memory"].figure > 50


def test_what_grows_is_made_as_large_as_it_should_be(setting, monkeypatch):
    import av
    import pypdfium2

    monkeypatch.setattr(growth, "_SENTENCES", 2)
    monkeypatch.setattr(page, "LINES", 4)
    pages = growth._pages(setting, 2)
    with pypdfium2.PdfDocument(pages[1]) as document:
        assert len(document) == 2
    _, recording = growth._minutes(setting, 1)
    with av.open(recording) as container:
        assert container.duration == 60_000_000


@pytest.mark.bench
def test_question(setting):
    rows = measured(question, setting)
    assert rows["question.time"].figure < 1
    assert rows["question.memory"].theirs[0] > 100


@pytest.mark.bench
def test_utterance(setting, monkeypatch):
    monkeypatch.setattr(utterance, "_COUNT", (2, 2))
    rows = measured(utterance, setting)
    assert len(rows["utterance.time"].ours) == 2
    assert rows["utterance.words"].theirs[0] < 50


@pytest.mark.bench
def test_minutes(setting, monkeypatch):
    monkeypatch.setattr(minutes, "_LENGTH_S", (20.0, 20.0))
    assert measured(minutes, setting)["minutes.words"].ours[0] < 50


def test_all_models_of_the_parts_are_in_the_catalog():
    catalog = {entry.name for entry in Portfolio().entries()}
    assert {utterance.REFERENCE, question.REFERENCE} <= catalog
