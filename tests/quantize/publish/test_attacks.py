"""What was not accepted is not published, whatever somebody does to records, files, data and the trail in between."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from helpers.looks import hits, scripted, weights

from edge_assistant.cli.main import main as assistant
from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant.governance.audit.rows import canonical
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import gate, looks, signature
from edge_assistant_quantize.acceptance.looks import ModelSums
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.metrics import cross_signal
from edge_assistant_quantize.metrics import metric as metrics
from edge_assistant_quantize.metrics.scoring import AnswerScore
from edge_assistant_quantize.metrics.warm import WarmAssistant
from edge_assistant_quantize.record import Bound, Criterion, Measured, Record

LICENCE = [
    "--licence",
    "MIT",
    "--licence-url",
    "https://example.org/l",
    "--home",
    "https://example.org",
    "--role",
    "vad",
    "--yes",
]
OTHER = "cd" * 32
REAL_METRICS = metrics.all_metrics


def publishes_nothing(*words: object) -> None:
    """The verb refuses, and there is no entry that was not there before."""
    before = {entry.name for entry in Portfolio().entries()}
    assert main(["publish", *map(str, words), *LICENCE]) in {1, 2, 3}
    assert {entry.name for entry in Portfolio().entries()} == before


def refused(told: dict[str, Any]) -> dict[str, Any]:
    """The look that refused the form in `variants/refused`."""
    return told["looks"][1]


def one_more(told: dict[str, Any]) -> None:
    """Every item is hit."""
    found = refused(told)["of_candidate"]["presence"]
    found["parts"] = [1.0] * len(found["parts"])


def shorter(told: dict[str, Any]) -> None:
    """The items that were missed are gone."""
    for side in ("of_candidate", "of_reference"):
        found = refused(told)[side]["presence"]
        for row in ("items", "parts", "wholes"):
            found[row] = found[row][:200]


def forged(told: dict[str, Any]) -> None:
    """Signed by a key of the attacker's own."""
    key = Ed25519PrivateKey.generate()
    told |= {"signer": key.public_key().public_bytes_raw().hex(), "signature": ""}
    one_more(told)
    found = msgspec.convert(told, Record)
    fields = [signature._ABOUT, msgspec.json.encode(found, order="deterministic").decode()]
    told["signature"] = key.sign(canonical(fields).encode()).hex()


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "the sums of an accepted form": lambda told: told["variants"][1].update(files=told["variants"][0]["files"]),
    "the sums of its look": lambda told: refused(told).update(files=told["looks"][0]["files"]),
    "an accepted look over it": lambda told: told["looks"][0].update(files=refused(told)["files"]),
    "a value": lambda told: told["variants"][1]["verdicts"][0].update(value=9.9),
    "a verdict": lambda told: told["variants"][1]["verdicts"][0].update(accepted=True),
    "what was chosen": lambda told: told.update(chosen="int4"),
    "every item": one_more,
    "the number of items": shorter,
    "a limit": lambda told: refused(told)["criteria"][0].update(limit=1.0),
    "another bound": lambda told: refused(told)["criteria"][0].update(bound="at_least", limit=0.3),
    "no criteria": lambda told: refused(told).update(criteria=[]),
    "the number of the look": lambda told: refused(told).update(numbers={"presence": 1}),
    "no look": lambda told: told.update(looks=told["looks"][:1]),
    "no looks": lambda told: told.update(looks=[]),
    "the reference's items": lambda told: refused(told).update(of_reference=refused(told)["of_candidate"]),
    "the reference": lambda told: refused(told).update(reference_files={"model": OTHER}),
    "which way is better": lambda told: refused(told)["of_candidate"]["presence"].update(lower_is_better=True),
    "whole clusters": lambda told: refused(told)["of_candidate"]["presence"].update(wholes=[0.5] * 400),
    "the data": lambda told: refused(told).update(data={"presence": OTHER}),
    "the time": lambda told: refused(told).update(time="2000-01-01T00:00:00+00:00"),
    "the code": lambda told: refused(told).update(code=OTHER),
    "no signature": lambda told: told.update(signature=""),
    "no signer": lambda told: told.update(signer="", signature=""),
    "a signer who is nobody": lambda told: told.update(signer="00" * 32),
    "the attacker's signature": forged,
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_record_publishes_nothing(run_folder, what, capsys):
    """Not even the form that was accepted, whatever was edited."""
    path = run_folder / records.FILE
    told = json.loads(path.read_text())
    EDITS[what](told)
    path.write_text(json.dumps(told))
    for form, name in (("variants/refused", "bad"), ("accepted", "good")):
        publishes_nothing(run_folder / form, "--record", run_folder, "--name", name, "--profile", "none")
        said = capsys.readouterr().err
        assert re.search("was changed after it was written|is not signed|another machine wrote", said), said


def test_the_form_of_a_record_that_nobody_edited_is_published(run_folder):
    words = [str(run_folder / "accepted"), "--record", str(run_folder), "--name", "good", "--profile", "none"]
    assert main(["publish", *words, *LICENCE]) == 0


@pytest.mark.parametrize("what", [one_more, shorter, EDITS["a limit"], EDITS["the number of the look"]])
def test_nor_does_one_that_its_owner_signs_again(run_folder, what, capsys):
    told = json.loads((run_folder / records.FILE).read_text())
    what(told)
    records.write(signature.sign(msgspec.convert(told, Record)), run_folder / records.FILE)
    publishes_nothing(run_folder / "variants" / "refused", "--record", run_folder, "--name", "bad")
    said = capsys.readouterr().err
    assert "the records have 0 of 1 looks at 'int4'" in said or "'int4' was not accepted" in said


def test_files_that_take_another_ones_place_publish_nothing(run_folder, make, tmp_path):
    accepted, bad = run_folder / "accepted" / "model.onnx", run_folder / "variants" / "refused" / "model.onnx"
    shutil.copy(accepted, tmp_path / "good.onnx")
    shutil.copy(bad, accepted)
    publishes_nothing(run_folder)
    accepted.unlink()
    accepted.symlink_to(bad)
    publishes_nothing(run_folder)
    accepted.unlink()
    shutil.copy(tmp_path / "good.onnx", accepted)
    make(tmp_path / "other", 50)
    publishes_nothing(run_folder, "--record", tmp_path / "other")
    (run_folder / records.FILE).rename(run_folder / "variants" / records.FILE)
    publishes_nothing(run_folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [("rate = 16000", "rate = 8000"), ('"vad"', '"faces"'), ("rate = 16000", ""), ("model =", "other =")],
)
def test_nor_does_another_table_about_the_same_files(run_folder, old, new):
    """Options change what a model does, and so do its role and which file stands for which."""
    table = run_folder / "accepted" / "candidate.toml"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new))
    publishes_nothing(run_folder)


def test_a_trail_that_begins_anew_knows_no_look(run_folder, home):
    shutil.rmtree(home / "audit")
    publishes_nothing(run_folder)


def test_a_record_of_another_machine_publishes_nothing(run_folder, monkeypatch, tmp_path, home):
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / "other"))
    publishes_nothing(run_folder, "--profile", "none")
    publishes_nothing(run_folder, "--profile", "none", "--signer", OTHER)


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """Models that hit the share of items that their name says in hundredths, judged by the verb."""

    def measure(model, reference, data, runtime, watch):
        share = model.name.removeprefix("m")
        return (found[0](float(share) / 100 if share.isdecimal() else 0.8),)

    def same(model, reference, data, runtime, watch):
        return (hits("same", 1.0),)

    found: list[Callable[[float], Measured]] = [lambda share: hits("hits", share)]
    registry = {"hits": scripted("hits", "vad", measure), "same": scripted("same", "vad", same, relative=True)}
    monkeypatch.setattr(metrics, "all_metrics", lambda: registry)
    (tmp_path / "data").write_text("items\n")

    class Judged:
        results = found

        def model(self, share: int) -> Path:
            path = tmp_path / f"m{share}.onnx"
            if not path.exists():
                weights(path, share)
            return path

        def accept(self, share: int, against: int, *criteria: str) -> int:
            words = [word for each in criteria for word in ("--metric", each)]
            paths = ["--data", str(tmp_path / "data"), "--record", str(tmp_path / "record"), "--role", "vad"]
            return main(["accept", str(self.model(share)), "--reference", str(self.model(against)), *words, *paths])

        def refuses(self, share: int, *words: str) -> None:
            publishes_nothing(self.model(share), "--record", tmp_path / "record", *words)

        def publish(self, share: int, *words: str) -> int:
            return main(["publish", str(self.model(share)), "--record", str(tmp_path / "record"), *LICENCE, *words])

    return Judged()


NO_LOSS = "hits at_most_worse=0.05"


def test_what_was_accepted_is_published(judged):
    assert judged.accept(79, 80, NO_LOSS) == 0
    assert judged.publish(79) == 0


def test_a_reference_is_not_accepted_by_being_compared_with(judged):
    """Defect 1 of the gate that was fooled: all matrices of a model shuffled, and published."""
    assert judged.accept(80, 2, NO_LOSS) == 1
    judged.refuses(2)
    judged.refuses(80)  # nor does anything that was compared with it count
    assert judged.accept(2, 2, NO_LOSS) == 1
    judged.refuses(2)


def test_what_agrees_with_a_damaged_model_is_not_accepted(judged, capsys):
    assert judged.accept(2, 3, "same at_least=0.9") == 1
    assert "nothing says that m3 is not damaged itself" in capsys.readouterr().out
    judged.refuses(2)
    assert judged.accept(79, 80, NO_LOSS) == 2  # that record compares with another model
    shutil.rmtree(judged.model(79).parent / "record")
    assert judged.accept(79, 80, NO_LOSS) == 0  # 80 reaches the floor, 79 is accepted
    shutil.rmtree(judged.model(79).parent / "record")
    assert judged.accept(78, 79, "same at_least=0.9") == 0


def test_a_demand_that_anything_meets_accepts_no_damaged_model(judged):
    assert judged.accept(2, 80, "hits at_most_worse=1") == 1
    judged.refuses(2)
    assert judged.accept(2, 80, "hits at_least=0") == 1
    judged.refuses(2)


@pytest.mark.parametrize("count", [1, 2, 19])
def test_few_items_decide_nothing(judged, count):
    judged.results[0] = lambda share: hits("hits", 1.0, count)
    assert judged.accept(79, 80, NO_LOSS) == 1
    judged.refuses(79)


def test_items_that_are_the_same_count_once(judged):
    judged.results[0] = lambda share: replace(hits("hits", share), clusters=("one", "two") * 200)
    assert judged.accept(79, 80, NO_LOSS) == 1
    judged.refuses(79)


def test_what_is_no_number_is_not_accepted(judged, capsys):
    judged.results[0] = lambda share: replace(hits("hits", share), parts=(math.nan, *hits("hits", share).parts[1:]))
    assert judged.accept(79, 80, NO_LOSS) != 0
    assert "m80 gives 'hits' that is no number" in capsys.readouterr().err
    judged.refuses(79)


def test_a_file_that_is_swapped_while_it_is_measured_is_noticed(judged, capsys):
    good, bad, kept = judged.model(79), judged.model(2), judged.model(79).with_suffix(".kept")

    def swapped(share: float) -> Measured:
        bad.rename(kept)
        good.rename(bad)
        bad.rename(good)
        kept.rename(bad)
        return hits("hits", 0.8)

    judged.results[0] = swapped
    assert judged.accept(2, 80, NO_LOSS) != 0
    assert "changed while it was measured" in capsys.readouterr().err
    judged.refuses(2)


def test_other_code_that_measures_is_noticed(judged, monkeypatch, capsys):
    """A metric that always says 1 while it measures, and is put right again."""
    with monkeypatch.context() as patch:
        patch.setattr(looks, "code", lambda: OTHER)
        judged.results[0] = lambda share: hits("hits", 1.0)
        assert judged.accept(2, 80, NO_LOSS) == 0
    judged.refuses(2)
    assert "another version of the code judged" in capsys.readouterr().err


def test_later_looks_at_the_same_data_ask_for_more(judged, capsys):
    """The best of many is not accepted by what would have been enough for one."""
    share = next(share for share in range(79, 70, -1) if judged.accept(share, 80, NO_LOSS)) + 1  # the last accepted
    for number in range(30):
        judged.results[0] = lambda share, number=number: hits("hits", 0.5 + number / 1000 if share < 0.8 else share)
        judged.accept(60, 80, f"hits at_most_worse=0.{number + 10}")
    judged.results[0] = lambda share: hits("hits", share)
    capsys.readouterr()
    shutil.rmtree(judged.model(60).parent / "record")
    fresh = share - 1 if share < 79 else share
    assert judged.accept(fresh, 80, "hits at_most_worse=0.049") == 1
    printed = capsys.readouterr().out
    (number,) = re.findall(r"; look (\d+) at this data, .*\), 400 independent items", printed)
    assert int(number) > 30
    assert f"shared items with its data, for a decision or an evaluation: {int(number) - 1}\n" in printed


def test_a_refusal_stays_on_the_card(judged):
    assert judged.accept(74, 80, NO_LOSS) == 1
    judged.refuses(74)
    assert judged.accept(74, 80, "hits at_most_worse=0.2") == 0
    assert judged.publish(74) == 0
    figures = Portfolio().entry("m74").figures
    assert (figures["looks"], figures["accepted"]) == (2, True)
    (refusal,) = figures["refused"]
    assert "asked: at most 0.05 worse" in refusal


def test_fresh_data_does_not_undo_a_refusal(judged, tmp_path):
    assert judged.accept(74, 80, NO_LOSS) == 1
    (tmp_path / "data").write_text("other items\n")
    judged.results[0] = lambda share: replace(
        hits("hits", 0.8), items=tuple(f"fresh {number}" for number in range(400))
    )
    assert judged.accept(74, 80, NO_LOSS) == 0
    judged.refuses(74)


def test_nor_does_a_record_in_another_folder(judged, tmp_path, capsys):
    assert judged.accept(74, 80, NO_LOSS) == 1
    (tmp_path / "record").rename(tmp_path / "former")
    assert judged.accept(74, 80, "hits at_most_worse=0.2") == 0
    judged.refuses(74)
    assert "the records have 1 of 2 looks at 'm74' in the audit trail" in capsys.readouterr().err
    assert judged.publish(74, "--record", str(tmp_path / "former")) == 0
    assert Portfolio().entry("m74").figures["looks"] == 2


def test_a_row_of_the_trail_that_somebody_changed_is_noticed(judged, home, capsys):
    assert judged.accept(2, 80, NO_LOSS) == 1
    assert judged.accept(79, 80, NO_LOSS) == 0
    with sqlite3.connect(home / "audit" / "audit.db") as database:
        database.execute("UPDATE rows SET body = replace(body, 'false', 'true') WHERE kind = 'judged'")
    judged.refuses(79)
    assert judged.accept(2, 80, NO_LOSS) == 1
    assert capsys.readouterr().err.count("audit") >= 2


def test_acceptance_by_agreement_makes_no_reference(judged):
    assert judged.accept(79, 80, NO_LOSS) == 0
    shutil.rmtree(judged.model(79).parent / "record")
    assert judged.accept(78, 79, "same at_least=0.9") == 0
    shutil.rmtree(judged.model(79).parent / "record")
    assert judged.accept(77, 78, "same at_least=0.9") == 1


def test_the_same_files_with_other_options_are_another_model(judged, store, tmp_path, capsys):
    whole = candidates.find("silero-vad")
    changed = replace(whole, name="m79", folder=tmp_path / "changed", options={**whole.options, "rate": 8000})
    shutil.copytree(store / "silero-vad", changed.folder)
    changed.write()
    data = ["--data", str(tmp_path / "data"), "--record", str(tmp_path / "record")]
    words = ["accept", str(changed.folder), "--metric", "same at_least=0.9", "--reference"]
    assert main([*words, "silero-vad", *data]) == 0
    publishes_nothing(changed.folder, "--record", tmp_path / "record", "--profile", "test")
    assert "m79 was not accepted in place of silero-vad" in capsys.readouterr().err


def test_a_model_of_a_profile_is_displaced_by_what_was_compared_with_it(judged, capsys):
    assert judged.accept(79, 80, NO_LOSS) == 0
    judged.refuses(79, "--profile", "test")
    assert "m79 was not accepted in place of silero-vad, which is first in test" in capsys.readouterr().err
    assert judged.publish(79, "--profile", "test", "--unaccepted", "for a demo") == 0
    assert Portfolio().entry("m79").figures["accepted"] is False


@pytest.fixture
def product(judged, monkeypatch, tmp_path, pytestconfig):
    """Two models whose product says what a test wants to scenarios with and without an answer, and their data."""
    sound = (pytestconfig.rootpath / "tests/fixtures/speech/pressure.wav").read_bytes()
    monkeypatch.setattr(metrics, "all_metrics", REAL_METRICS)
    ran = count()
    monkeypatch.setattr(cross_signal, "_computed", lambda *given: next(ran))
    monkeypatch.setattr(WarmAssistant, "start", lambda self: None)
    monkeypatch.setattr(WarmAssistant, "ungrounded", lambda self, answer: ())

    def made(says: Callable[[str], str], scenarios: int, answered: int, absent: int) -> list[str]:
        def ask(self, question, *rest):
            status = Status.SUPPORTED if (text := says(question)) else Status.NOT_IN_EVIDENCE
            return Answer(question, text or "None of the sources answers this.", status, Route("", (), ""))

        monkeypatch.setattr(WarmAssistant, "ask", ask)
        for number in range(scenarios):
            folder = tmp_path / "scenarios" / f"s-{number:02}"
            folder.mkdir(parents=True)
            (folder / "note.wav").write_bytes(sound[:-2] + number.to_bytes(2, "little"))  # another last sample
            asked = [("How hot?", "lookup", "supported", '["61"]')] * (number < answered)
            asked += [(f"Who {at}?", "absent", "not_in_evidence", "[]") for at in range(absent)]
            (folder / "scenario.toml").write_text(
                f'id = "{folder.name}"\ndomain = "machines"\n[[signals]]\nkind = "audio"\nfile = "note.wav"\n'
                + "".join(
                    f'[[questions]]\nask = "{ask}"\ntype = "{kind}"\nstatus = "{status}"\nanswer = {answer}\n'
                    "cites = []\n"
                    for ask, kind, status, answer in asked
                )
            )
        words = ["accept", str(judged.model(3)), "--reference", str(judged.model(4)), "--role", "vad"]
        asked = ["--metric", "cross-signal at_most_worse=0.2", "--data", f"path={tmp_path / 'scenarios'},profile=test"]
        return [*words, *asked, "--record", str(tmp_path / "record")]

    return made


@pytest.mark.parametrize(
    ("says", "said"),
    [
        (lambda question: "", "'answered' of m4 is 0 and may be as low as 0; that of a working model is at least 0.2"),
        (lambda question: "61", "'declined' of m4 is 0 and may be as low as 0; that of a working model is at least 0"),
    ],
    ids=["declines always", "answers always"],
)
def test_a_model_that_always_says_the_same_publishes_nothing(product, judged, says, said, capsys):
    """Of two alike nothing is lost, and declining everything was right in 16 of 24 questions."""
    assert main(product(says, scenarios=24, answered=24, absent=2)) == 1
    assert said in capsys.readouterr().err
    judged.refuses(3)


def test_nor_is_it_asked_where_few_questions_have_an_answer(product, judged, capsys):
    assert main(product(lambda question: "", scenarios=24, answered=8, absent=1)) == 3
    assert "8 scenarios of the data have a question with an answer, and at least 20 decide" in capsys.readouterr().err
    judged.refuses(3)


def test_a_model_that_answers_what_has_an_answer_is_published(product, judged, capsys):
    assert main(product(lambda question: "61" * (question == "How hot?"), scenarios=24, answered=24, absent=2)) == 0
    assert judged.publish(3) == 0


def test_a_candidate_that_declines_is_refused_in_whatever_is_asked(product, judged, monkeypatch, capsys):
    """Beside a reference that answers, and by a criterion that anything meets."""
    words = product(lambda question: "61" * (question == "How hot?"), scenarios=24, answered=24, absent=2)
    words[words.index("cross-signal at_most_worse=0.2")] = "cross-signal at_least=0.01"
    judge = cross_signal.judge

    def measured(model, *rest):
        monkeypatch.setattr(cross_signal, "judge", judge if model.name == "m4" else declined)
        return original(model, *rest)

    def declined(question, reply):
        return AnswerScore(status=not question.answer, answer=not question.answer, cites=not question.answer)

    original = REAL_METRICS()["cross-signal"].measure
    found = REAL_METRICS() | {"cross-signal": replace(REAL_METRICS()["cross-signal"], measure=measured)}
    monkeypatch.setattr(metrics, "all_metrics", lambda: found)
    assert main(words) == 1
    assert "not accepted: cross-signal 66.67 % " in (out := capsys.readouterr().out)
    assert "'answered' of m3 is 0 and may be as low as 0" in out
    judged.refuses(3)


def test_a_loss_beyond_the_margin_displaces_nobody_and_makes_no_reference(judged, store, tmp_path, capsys):
    """Whatever was asked: to be in the place of the first of a profile is to do the task no worse than it."""
    silero = ["--reference", "silero-vad"]
    words = [*silero, "--data", str(tmp_path / "data"), "--record", str(tmp_path / "record")]
    for share in (60, 79):
        assert main(["accept", str(judged.model(share)), *words, "--metric", "hits at_most_worse=0.9"]) == 0
    judged.refuses(60, *silero, "--profile", "test")
    assert "m60 was not accepted in place of silero-vad" in capsys.readouterr().err
    assert judged.publish(79, *silero, "--profile", "test") == 0
    shutil.rmtree(tmp_path / "record")
    for share, status in ((60, 1), (79, 0)):
        assert judged.accept(78, share, "same at_least=0.9") == status
        shutil.rmtree(tmp_path / "record")


def test_killed_before_the_verdict_a_look_counts_all_the_same(home):
    sums = ModelSums("a", {"model": OTHER}, {}), ModelSums("b", {"model": "ef" * 32}, {})
    asked = [Criterion("presence", Bound.AT_MOST_WORSE, 0.05)]
    given = {"presence": hits("presence", 0.8)}, {"presence": hits("presence", 0.8)}, {"presence": OTHER}
    child = os.fork()
    if child == 0:
        gate.decide = lambda look: os._exit(9)
        looks.take(*sums, asked, *given)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    other = ModelSums("c", {"model": "01" * 32}, {})
    look, _ = looks.take(other, sums[1], asked, *given)
    assert look.numbers == {"presence": 2}
    look, _ = looks.take(sums[0], sums[1], asked, *given)
    assert look.numbers == {"presence": 1}  # the same again is no new look
    assert assistant(["audit", "verify"]) == 0
