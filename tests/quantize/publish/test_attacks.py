"""What was not accepted is not published, whatever somebody does to records, files, data and the trail in between."""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from helpers.looks import LICENCE, hits, publishes_nothing, scripted, weights
from msgspec import structs

from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize.acceptance import looks, signature
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.metrics import cross_signal
from edge_assistant_quantize.metrics import metric as metrics
from edge_assistant_quantize.metrics.cross_signal import GoldAssistant
from edge_assistant_quantize.metrics.scoring import AnswerScore
from edge_assistant_quantize.record import Measured

OTHER = "cd" * 32
REAL_METRICS = metrics.all_metrics


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """Models that hit the share of items that their name says in hundredths, judged by the verb."""

    def measure(run):
        share = run.model.name.removeprefix("m")
        return (found[0](float(share) / 100 if share.isdecimal() else 0.8),)

    def same(run):
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

        def record(self, share: int) -> Path:
            return tmp_path / f"record-{share}"

        def accept(self, share: int, against: int, *criteria: str) -> int:
            words = [word for each in criteria for word in ("--metric", each)]
            paths = ["--data", str(tmp_path / "data"), "--record", str(self.record(share)), "--role", "vad"]
            return main(["accept", str(self.model(share)), "--reference", str(self.model(against)), *words, *paths])

        def refuses(self, share: int, *words: str) -> None:
            there = [word for path in sorted(tmp_path.glob("record-*")) for word in ("--record", path)]
            publishes_nothing(self.model(share), *there, *words)

        def publish(self, share: int, *words: str) -> int:
            return main(["publish", str(self.model(share)), "--record", str(self.record(share)), *LICENCE, *words])

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
    assert judged.accept(2, 80, NO_LOSS) == 2  # that record compares with another model
    assert judged.accept(79, 80, NO_LOSS) == 0  # 80 reaches the floor, 79 is accepted
    assert judged.accept(78, 79, "same at_least=0.9") == 0


def test_a_demand_that_anything_meets_accepts_no_damaged_model(judged):
    assert judged.accept(2, 80, "hits at_most_worse=1") == 1
    judged.refuses(2)
    assert judged.accept(2, 80, "hits at_least=0") == 1
    judged.refuses(2)


@pytest.mark.parametrize("count", [1, 2, 19])
def test_few_items_decide_nothing(judged, count):
    judged.results[0] = lambda share: hits("hits", 1.0, count)
    assert judged.accept(79, 80, NO_LOSS) == 3
    judged.refuses(79)


def test_items_that_are_the_same_count_once(judged):
    judged.results[0] = lambda share: replace(hits("hits", share), clusters=("one", "two") * 200)
    assert judged.accept(79, 80, NO_LOSS) == 3
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
    for number in range(12):
        judged.results[0] = lambda share, number=number: hits("hits", 0.5 + number / 1000 if share < 0.8 else share)
        judged.accept(60, 80, f"hits at_most_worse=0.{number + 10}")
    judged.results[0] = lambda share: hits("hits", share)
    capsys.readouterr()
    fresh = share - 1 if share < 79 else share
    assert judged.accept(fresh, 80, "hits at_most_worse=0.049") == 1
    printed = capsys.readouterr().out
    (number,) = re.findall(r"; look (\d+) at this data, .*\), 400 independent items", printed)
    assert int(number) > 12
    assert f"shared items with its data, for a decision or not: {int(number) - 1}\n" in printed


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
    judged.record(74).rename(tmp_path / "former")
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
    assert judged.accept(78, 79, "same at_least=0.9") == 0
    assert judged.accept(77, 78, "same at_least=0.9") == 1


def test_the_same_files_with_other_options_are_another_model(judged, store, tmp_path, capsys):
    whole = candidates.find("silero-vad")
    changed = replace(whole, name="m79", folder=tmp_path / "changed", options={**whole.options, "rate": 8000})
    shutil.copytree(store / "silero-vad", changed.folder)
    changed.write()
    data = ["--data", str(tmp_path / "data"), "--record", str(judged.record(79))]
    words = ["accept", str(changed.folder), "--metric", "same at_least=0.9", "--reference"]
    assert main([*words, "silero-vad", *data]) == 0
    publishes_nothing(changed.folder, "--record", judged.record(79), "--profile", "test")
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

    def made(says: Callable[[str], str], scenarios: int, answered: int, absent: int) -> list[str]:
        def ask(self, question, *rest):
            status = Status.SUPPORTED if (text := says(question)) else Status.NOT_IN_EVIDENCE
            return Answer(question, text or "None of the sources answers this.", status, Route("", (), ""))

        monkeypatch.setattr(GoldAssistant, "ask", ask)
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
        return [*words, *asked, "--record", str(judged.record(3))]

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
    assert main(product(lambda question: "", scenarios=24, answered=8, absent=1)) == 1
    assert "'answered' was measured on 8 independent items, and at least 20 decide" in capsys.readouterr().err
    judged.refuses(3)


def test_a_model_that_answers_what_has_an_answer_is_published(product, judged, capsys):
    assert main(product(lambda question: "61" * (question == "How hot?"), scenarios=24, answered=24, absent=2)) == 0
    assert judged.publish(3) == 0


def test_a_candidate_that_declines_is_refused_in_whatever_is_asked(product, judged, monkeypatch, capsys):
    """Beside a reference that answers, and by a criterion that anything meets."""
    words = product(lambda question: "61" * (question == "How hot?"), scenarios=24, answered=24, absent=2)
    words[words.index("cross-signal at_most_worse=0.2")] = "cross-signal at_least=0.01"
    judge = cross_signal.judge

    def measured(run):
        monkeypatch.setattr(cross_signal, "judge", judge if run.model.name == "m4" else declined)
        return original(run)

    def declined(question, reply):
        return AnswerScore(status=not question.answer, answer=not question.answer, cites=not question.answer)

    original = REAL_METRICS()["cross-signal"].measure
    found = REAL_METRICS() | {"cross-signal": structs.replace(REAL_METRICS()["cross-signal"], measure=measured)}
    monkeypatch.setattr(metrics, "all_metrics", lambda: found)
    assert main(words) == 1
    assert "not accepted: cross-signal 66.67 % " in (out := capsys.readouterr().out)
    assert "'answered' of m3 is 0 and may be as low as 0" in out
    judged.refuses(3)


def test_a_loss_beyond_the_margin_displaces_nobody_and_makes_no_reference(judged, store, tmp_path, capsys):
    """Whatever was asked: to be in the place of the first of a profile is to do the task no worse than it."""
    silero = ["--reference", "silero-vad"]
    words = [*silero, "--data", str(tmp_path / "data"), "--metric", "hits at_most_worse=0.9"]
    for share in (60, 79):
        assert main(["accept", str(judged.model(share)), *words, "--record", str(judged.record(share))]) == 0
    judged.refuses(60, *silero, "--profile", "test")
    assert "m60 was not accepted in place of silero-vad" in capsys.readouterr().err
    assert judged.publish(79, *silero, "--profile", "test") == 0
    for share, status in ((60, 1), (79, 0)):
        assert judged.accept(78, share, "same at_least=0.9") == status
        shutil.rmtree(judged.record(78))


def test_all_records_travel_with_what_was_published(judged, tmp_path, monkeypatch, home):
    """A refusal in the second of them counts on a machine that has no trail of it."""
    monkeypatch.setattr("sys.argv", ["edge-quantize", "accept", "first"])
    assert judged.accept(74, 80, NO_LOSS) == 1
    judged.record(74).rename(tmp_path / "former")
    monkeypatch.setattr("sys.argv", ["edge-quantize", "accept", "second"])
    assert judged.accept(74, 80, "hits at_most_worse=0.2") == 0
    assert judged.publish(74, "--record", str(tmp_path / "former")) == 0
    kept, signer = home / "published" / "m74", signature.own_key()
    assert sorted(path.name for path in kept.glob("re*")) == ["record-2.json", "record.json"]
    card = (kept / "card.html").read_text("utf-8")
    assert "edge-quantize accept second\nedge-quantize accept first\n" in card
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / "other"))
    for number, named in enumerate(([], ["--record", str(kept)])):
        words = ["--signer", signer, "--profile", "none", "--name", f"again-{number}"]
        assert main(["publish", str(kept), *LICENCE, *words, *named]) == 0
        assert Portfolio().entry(f"again-{number}").figures["looks"] == 2


def test_naming_ones_own_key_does_not_pass_the_trail_by(judged, tmp_path, capsys):
    """`--signer` trusts another machine, whose trail is not here; this one's is."""
    assert judged.accept(74, 80, NO_LOSS) == 1
    judged.record(74).rename(tmp_path / "former")
    assert judged.accept(74, 80, "hits at_most_worse=0.2") == 0
    judged.refuses(74, "--signer", signature.own_key())
    assert "the records have 1 of 2 looks at 'm74' in the audit trail" in capsys.readouterr().err


@pytest.mark.parametrize("same_folder", [True, False])
def test_what_an_earlier_version_judged_is_accepted_again(judged, tmp_path, monkeypatch, capsys, same_folder):
    with monkeypatch.context() as patch:
        patch.setattr(looks, "code", lambda: OTHER)
        assert judged.accept(79, 80, NO_LOSS) == 0
    judged.refuses(79)
    assert "another version of the code judged" in capsys.readouterr().err
    if not same_folder:
        shutil.rmtree(judged.record(79))
    assert judged.accept(79, 80, NO_LOSS) == 0
    assert judged.publish(79) == 0
    assert Portfolio().entry("m79").figures["looks"] == 1


def test_options_that_were_chosen_by_the_same_items_count(judged, tmp_path, capsys):
    """Whoever evaluates twenty thresholds of a model and has the best accepted has chosen by these items."""
    data = ["--metric", "hits", "--data", str(tmp_path / "data")]
    model = candidates.Candidate("m79", "vad", tmp_path, {"model": judged.model(79).name})
    for threshold in range(3):
        tuned = replace(model, options={"threshold": threshold})
        tuned.write()
        assert main(["evaluate", str(tmp_path), *data]) == 0
    asked = ["accept", str(tmp_path), "--reference", str(judged.model(80)), "--role", "vad", *data]
    asked[asked.index("hits")] = NO_LOSS
    assert main(asked) == 0
    assert "look 3 at this data" in capsys.readouterr().out
