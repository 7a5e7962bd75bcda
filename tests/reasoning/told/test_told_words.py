"""Every entry of told.toml does what its list is for, shown by a sentence with it."""

from __future__ import annotations

import pytest
from fakes import source
from told_sentences import rendered

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.clauses import clauses
from edge_assistant.reasoning.told.told import told_claims

WORDS = vocabulary().telling["words"]


def told(text: str) -> list[str]:
    return sorted(rendered(claim) for claim in told_claims(source([text])))


@pytest.mark.parametrize("word", [*WORDS["fillers"], *WORDS["openers"]])
def test_a_filler_changes_nothing(word: str) -> None:
    assert told(f"{word.capitalize()}, I am allergic to latex.") == ["allergy = latex"]
    assert told(f"I am allergic to, {word}, latex.") == ["allergy = latex"]


@pytest.mark.parametrize("word", WORDS["abbreviations"])
def test_an_abbreviation_ends_no_sentence(word: str) -> None:
    assert {clause.sentence for clause in clauses(f"It is {word}. Five of them.")} == {0}


@pytest.mark.parametrize("word", WORDS["joins"])
def test_a_join_begins_a_clause(word: str) -> None:
    assert len(clauses(f"One is green {word} one is red.")) == 2


@pytest.mark.parametrize("word", WORDS["starts"])
def test_a_start_begins_a_clause_after_a_comma(word: str) -> None:
    assert len(clauses(f"One is green, {word} one red.")) == 2


@pytest.mark.parametrize("word", WORDS["verbs"])
def test_a_verb_begins_a_clause_after_and(word: str) -> None:
    assert len(clauses(f"One of them came and {word} one.")) == 2


@pytest.mark.parametrize("words", WORDS["conditions"])
def test_a_condition_tells_nothing(words: str) -> None:
    assert told(f"Call me {words} the pulse is 120.") == []


@pytest.mark.parametrize("words", WORDS["unsure"])
def test_what_is_unsure_tells_nothing(words: str) -> None:
    assert told(f"The pulse {words} 120.") == []


@pytest.mark.parametrize("words", WORDS["announcing"])
def test_what_announces_something_leaves_it_as_it_is(words: str) -> None:
    for join in (" that", ",", ""):
        assert told(f"{words.capitalize()}{join} I am allergic to latex.") == ["allergy = latex"]


@pytest.mark.parametrize("words", WORDS["orders"])
def test_an_order_tells_nothing(words: str) -> None:
    assert told(f"{words.capitalize()} the voltage to 400 volts.") == []


@pytest.mark.parametrize("words", WORDS["corrections"])
def test_a_correction_takes_back_what_was_told(words: str) -> None:
    assert told(f"The total was 65 ringgit, {words}, 63 ringgit.") == ["total = 63 MYR"]
    assert told(f"The total was 65 ringgit. {words.capitalize()}, 63 ringgit.") == ["total = 63 MYR"]


@pytest.mark.parametrize("words", [*WORDS["past"], *WORDS["recent"], *WORDS["coming"], *WORDS["future"]])
def test_words_of_another_time_place_what_is_told(words: str) -> None:
    text = (
        f"The pressure {words} 5 bar." if words in WORDS["future"] else f"{words.capitalize()} the pressure was 5 bar."
    )
    (claim,) = told_claims(source([text]))
    assert not claim.present
    assert claim.when is not None
    assert claim.when.lower() == words


@pytest.mark.parametrize("words", WORDS["now"])
def test_now_ends_another_time(words: str) -> None:
    assert "pressure = 5 bar" in told(f"Last year the pressure was 4 bar, and the pressure is {words} 5 bar.")


@pytest.mark.parametrize("words", WORDS["earlier"])
def test_a_word_before_a_name_can_make_it_earlier(words: str) -> None:
    (claim,) = told_claims(source([f"The {words} voltage was 380 volts."]))
    assert not claim.present


@pytest.mark.parametrize("words", WORDS["takes"])
def test_words_before_a_medicine(words: str) -> None:
    assert "medication = ramipril" in told(f"She {words} ramipril.")


@pytest.mark.parametrize("drug", WORDS["drugs"])
def test_a_drug_is_one(drug: str) -> None:
    assert [line.partition(" = ")[0] for line in told(f"She takes {drug}.")] == ["medication"]


@pytest.mark.parametrize("ending", WORDS["drug_endings"])
def test_what_ends_like_a_drug_is_one(ending: str) -> None:
    assert told(f"She takes quar{ending}.") == [f"medication = quar{ending}"]


@pytest.mark.parametrize("words", WORDS["stopped"])
def test_what_was_stopped_is_not_taken(words: str) -> None:
    after = words in ("any more", "anymore")
    text = f"She does not take ramipril {words}." if after else f"She {words} taking ramipril."
    assert told(text) == ["medication = not ramipril"]


@pytest.mark.parametrize("words", WORDS["more"])
def test_a_list_goes_on(words: str) -> None:
    assert told(f"I am allergic to latex. {words.capitalize()} kiwi.") == ["allergy = latex, kiwi"]


@pytest.mark.parametrize("words", WORDS["list_ends"])
def test_a_list_ends(words: str) -> None:
    assert told(f"I am allergic to latex {words} nothing else")[0].startswith("allergy = latex")
    assert "else" not in " ".join(told(f"I am allergic to latex {words} nothing else"))


@pytest.mark.parametrize("unit", WORDS["doses"])
def test_a_unit_of_a_dose(unit: str) -> None:
    assert f"dose [ramipril] = 5 {unit}" in told(f"She takes ramipril, 5 {unit}.")


RELATIONS = [word for group in vocabulary().telling["relations"].values() for word in group]


@pytest.mark.parametrize("who", RELATIONS)
def test_another_person_is_the_subject(who: str) -> None:
    assert told(f"My {who} takes ramipril. I take metformin.") == [
        "medication = metformin",
        f"medication [{who}] = ramipril",
    ]


@pytest.mark.parametrize("who", WORDS["people"])
@pytest.mark.parametrize("place", ["bed", "room", "ward"])
def test_somebody_somewhere_else_is_the_subject(who: str, place: str) -> None:
    assert told(f"The {who} in {place} four takes ramipril.") == [f"medication [{who} in {place} 4] = ramipril"]


@pytest.mark.parametrize("title", WORDS["titles"])
def test_somebody_with_a_title_is_the_subject(title: str) -> None:
    assert told(f"{title.capitalize()} Brown takes ramipril.") == [
        f"medication [{title.capitalize()} Brown] = ramipril"
    ]


@pytest.mark.parametrize("thing", WORDS["numbered"])
def test_a_numbered_machine_is_the_subject(thing: str) -> None:
    assert told(f"{thing.capitalize()} two is at 5 bar.") == [f"pressure [{thing} 2] = 5 bar"]


@pytest.mark.parametrize("other", WORDS["others"])
@pytest.mark.parametrize("thing", ["motor", "pump"])
def test_another_machine_is_the_subject(other: str, thing: str) -> None:
    assert told(f"The {other} {thing} draws 12 amps.") == [f"current [{other} {thing}] = 12 A"]


@pytest.mark.parametrize("thing", WORDS["carriers"])
def test_the_other_of_its_kind_is_the_subject(thing: str) -> None:
    assert told(f"The other {thing} draws 12 amps.") == [f"current [other {thing}] = 12 A"]


@pytest.mark.parametrize("thing", [word for word in WORDS["own_things"] if word.isalpha()])
def test_what_is_said_of_the_machine_at_hand_has_no_subject(thing: str) -> None:
    assert told(f"The {thing} has 12 amps.") == ["current = 12 A"]


@pytest.mark.parametrize("words", WORDS["repaying"])
def test_a_repayment_is_no_purchase(words: str) -> None:
    assert told(f"He {words} 20 ringgit.") == []


@pytest.mark.parametrize("words", WORDS["changing"])
def test_a_change_between_two_values_tells_neither(words: str) -> None:
    assert told(f"We {words} the motor of 12 amps by one of 21 amps.") == []


@pytest.mark.parametrize("words", WORDS["buying"])
def test_a_day_beside_a_purchase_is_its_date(words: str) -> None:
    assert "date = 2018-04-03" in told(f"{words.capitalize()} on 3 April 2018.")


@pytest.mark.parametrize("words", WORDS["spending"])
def test_an_amount_beside_such_a_verb_is_the_total(words: str) -> None:
    assert any(line.startswith(("total = 20", "change")) for line in told(f"Please {words} 20 ringgit."))


@pytest.mark.parametrize("name", sorted(vocabulary().telling["extremes"]))
def test_of_how_many_a_number_is_told(name: str) -> None:
    for words in vocabulary().telling["extremes"][name]:
        (claim,) = told_claims(source([f"The temperature was {words} 90 degrees."]))
        assert claim.statistic == name, words


@pytest.mark.parametrize("name", sorted(vocabulary().telling["bounds"]))
def test_a_bound_is_no_value(name: str) -> None:
    for words in vocabulary().telling["bounds"][name]:
        assert told(f"The temperature {words} 90 degrees.") == [], words


@pytest.mark.parametrize("name", sorted(vocabulary().telling["units"]))
def test_a_unit_alone_names_its_attribute(name: str) -> None:
    for unit in vocabulary().telling["units"][name]:
        assert all(line.startswith(f"{name} = 5") for line in told(f"The plate says 5 {unit}.")), unit


@pytest.mark.parametrize("words", WORDS["seeing"])
def test_what_is_seen_is_there(words: str) -> None:
    assert told(f"{words.capitalize()} a dog.")[0].startswith("presence [dog] = yes")


@pytest.mark.parametrize("head", WORDS["heads"])
def test_a_noun_before_another_is_not_seen(head: str) -> None:
    assert told(f"There is a bus {head}.") == []
