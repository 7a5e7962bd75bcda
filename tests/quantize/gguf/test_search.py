"""Types by measurement: groups, the choice under a budget, and a whole search over a tiny model."""

from __future__ import annotations

import json

import pytest
from helpers import forked, tiny_llama
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize import room
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import header, perplexity, quantize, search
from edge_assistant_quantize.gguf.search import TensorGroup
from edge_assistant_quantize.progress import ignore

LADDER = ("Q3_K", "Q4_K", "Q6_K", "Q8_0")


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    forked.use(monkeypatch, torch=False)


def test_groups_are_kinds_of_matrices_by_thirds_of_layers(small, tmp_path, monkeypatch):
    found = {group.name: group for group in search.groups(header.read(small / "tiny.gguf"))}
    assert found["attn_q 1/3"].tensors == ("blk.0.attn_q.weight", "blk.0.attn_k.weight")
    assert found["ffn_gate 2/3"].tensors == ("blk.1.ffn_gate.weight", "blk.1.ffn_up.weight")
    assert found["token_embd"].tensors == ("token_embd.weight",)
    names = [name for group in found.values() for name in group.tensors]
    assert len(names) == len(set(names)) == 16  # each matrix once, and no norm
    assert {group.ladder[0] for group in found.values()} == {"Q3_K"}
    monkeypatch.setattr(tiny_llama, "COLUMNS", 64)
    narrow = {group.name: group for group in search.groups(header.read(tiny_llama.write(tmp_path / "narrow.gguf")))}
    assert (narrow["attn_v 1/3"].ladder[0], narrow["ffn_down 1/3"].ladder[0]) == ("IQ4_NL", "Q3_K")


def test_experts_are_a_group_and_their_router_stays(small):
    names = {name for group in search.groups(header.read(small / "moe.gguf")) for name in group.tensors}
    assert "blk.0.ffn_down_exps.weight" in names
    assert not any("ffn_gate_inp" in name for name in names)


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=6), st.integers(0, 60_000))
def test_the_choice_keeps_to_the_budget_and_uses_it(groups, more):
    of_model = [TensorGroup(str(n), (str(n),), 256 * blocks, LADDER) for n, (blocks, _) in enumerate(groups)]
    losses = {str(n): [loss, loss / 4, loss / 16, 0.0] for n, (_, loss) in enumerate(groups)}
    least = sum(group.bytes("Q3_K") for group in of_model)
    types = search.choose(of_model, losses, least + more)
    size = sum(group.bytes(types[group.name]) for group in of_model)
    assert size <= least + more
    for group in of_model:  # no group could have its next type within what is left
        place = LADDER.index(types[group.name])
        if place + 1 < len(LADDER) and losses[group.name][place] > 0:
            assert size - group.bytes(LADDER[place]) + group.bytes(LADDER[place + 1]) > least + more
    assert search.choose(of_model, losses, 10**9) == {g.name: "Q8_0" if losses[g.name][0] else "Q3_K" for g in of_model}


def test_bits_go_where_they_save_most():
    of_model = [TensorGroup(name, (name,), 2560, LADDER) for name in ("dull", "keen")]
    losses = {"dull": [0.1, 0.05, 0.01, 0.0], "keen": [1.0, 0.5, 0.1, 0.0]}
    budget = of_model[0].bytes("Q3_K") + of_model[1].bytes("Q6_K")
    assert search.choose(of_model, losses, budget) == {"dull": "Q3_K", "keen": "Q6_K"}


def test_a_search_writes_a_model_within_the_budget_and_goes_on_where_it_was(small, tmp_path, monkeypatch):
    model, kept = small / "tiny.gguf", tmp_path / "kept"
    kept.mkdir()
    how = {"bits": 6.5, "context": 64, "chunks": 2, "folder": kept, "threads": 1, "watch": ignore}
    found = search.search(model, small / "prose.txt", **how)
    output = tmp_path / "out.gguf"
    overrides = {group.pattern: kind for group, kind, _ in found}
    quantize.quantize(model, output, search.TOP, overrides=overrides, threads=1, watch=ignore)
    made = header.read(output)
    assert 8 * output.stat().st_size / made.weights <= 6.5
    by_name = {tensor.name: header.kind_of(tensor) for tensor in made.tensors}
    for group, kind, _ in found:
        assert {by_name[name].upper() for name in group.tensors} == {kind}
    assert len({kind for _, kind, _ in found}) > 1
    assert [loss for _, _, loss in found] == sorted((loss for _, _, loss in found), reverse=True)
    monkeypatch.setattr(perplexity, "measure", None)  # nothing is measured again
    assert search.search(model, small / "prose.txt", **how) == found
    with pytest.raises(UsageError, match=r"are too few: the least is \d"):
        search.search(model, small / "prose.txt", **how | {"bits": 1})


def test_a_text_whose_predictions_do_not_fit_into_memory_is_refused_before_they_fill_it(small, monkeypatch):
    monkeypatch.setattr(room, "check_memory", lambda what, needed: asked.append(needed))
    monkeypatch.setattr(quantize, "quantize", None)  # which is called once all are there
    asked, how = [], {"bits": 6.5, "context": 64, "chunks": 3, "threads": 1, "watch": ignore}
    with pytest.raises(TypeError):
        search.search(small / "tiny.gguf", small / "prose.txt", **how)
    assert asked[1:] == [31 * 259 * 2] * 3  # the first is the model's own


def test_the_verb_searches(small, tmp_path, capsys):
    words = ["quantize", str(small / "tiny.gguf"), "--type", "search", "--output", str(tmp_path / "out.gguf")]
    for wrong, said in (([], "a search needs a text"), (["--text", "t"], "a search takes 'bits_per_weight'")):
        assert main([*words, *wrong]) == 2
        assert said in capsys.readouterr().err
    given = ["--text", str(small / "prose.txt"), "--chunks", "1", "--bits-per-weight", "6.5", "--json"]
    assert main([*words, *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bits_per_weight"] <= 6.5
    assert found["types"].keys() == found["losses"].keys()
    words[3] = "Q4_K_M"
    assert main([*words, "--bits-per-weight", "5"]) == 2
    assert 'are keys of type = "search"' in capsys.readouterr().err
