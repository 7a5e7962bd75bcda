"""Candidates from files of unknown origin, and what a command line names."""

from __future__ import annotations

import pytest

from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_quantize import candidate
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import InputMissing, ModelCorrupt, UsageError

GOOD = 'name = "mine"\nrole = "speech"\noptions.multilingual = true\n[files]\nencoder = "e.onnx"\n'


def test_a_candidate_is_read_as_it_was_written(tmp_path):
    (tmp_path / "e.onnx").write_bytes(b"e")
    (tmp_path / candidate.FILE).write_text(GOOD)
    found = candidate.read(tmp_path)
    assert found == Candidate("mine", "speech", tmp_path, {"encoder": "e.onnx"}, {"multilingual": True})
    found.write()
    assert candidate.find(str(tmp_path)) == found


def test_a_relative_folder_is_found_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "e.onnx").write_bytes(b"e")
    (tmp_path / "mine" / candidate.FILE).write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    found = candidate.find("mine")
    monkeypatch.chdir("/")
    with found.held() as (model, _):
        assert model.files["encoder"].read_bytes() == b"e"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"mine"', '"Mine or not"', "name: expected `str` matching"),
        ('"speech"', '"oracle"', "unknown role 'oracle'"),
        ('"e.onnx"', '"../e.onnx"', "files[...]: expected `str` matching"),
        ("encoder =", '"../encoder" =', "files: expected `str` matching"),
        ("[files]", "[file]", "unknown key `file`"),
        ("[files]\n", "[files\n", "Expected"),
        ("true", "true\nx = '" + "x" * (1 << 20) + "'", "larger than"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, old, new, said):
    (tmp_path / candidate.FILE).write_text(GOOD.replace(old, new))
    with pytest.raises(CatalogInvalid) as caught:
        candidate.read(tmp_path)
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputMissing, match=r"holds no candidate\.toml"):
        candidate.read(tmp_path)
    (tmp_path / candidate.FILE).write_text(GOOD)
    with pytest.raises(InputMissing, match=r"e\.onnx of mine is missing"):
        candidate.read(tmp_path)
    (tmp_path / "e.onnx").write_bytes(b"e")
    with pytest.raises(UsageError, match=r"nothing says what e\.onnx does"):
        candidate.find(str(tmp_path / "e.onnx"))
    (tmp_path / "e.onnx.json").write_text("{}")  # as a voice of Piper lies
    found = candidate.find(str(tmp_path / "e.onnx"))
    assert (found.role, found.files) == ("voice", {"model": "e.onnx", "config": "e.onnx.json"})
    assert candidate.find(str(tmp_path / "e.onnx"), "detector").role == "detector"
    (tmp_path / "l.gguf").write_bytes(b"l")
    (tmp_path / "l.gguf.json").write_text("{}")
    assert candidate.find(str(tmp_path / "l.gguf")).role == "language"


def test_a_held_model_is_what_was_hashed_wherever_its_folder_goes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "e.onnx").write_bytes(b"e")
    (tmp_path / "a" / "t.json").write_bytes(b"t")
    model = Candidate("mine", "speech", tmp_path / "a", {"encoder": "e.onnx", "tokenizer": "t.json"}, {"size": 3})
    with model.held() as (found, sums):
        assert sums == model.sums()
        (tmp_path / "a").rename(tmp_path / "b")
        files = {key: (path.name, path.read_bytes()) for key, path in found.files.items()}
        assert files == {"encoder": ("e.onnx", b"e"), "tokenizer": ("t.json", b"t")}
        assert found.files["encoder"].parent.parent.stat().st_mode & 0o777 == 0o700
        assert (found.name, found.role, found.options) == ("mine", "speech", {"size": 3})
    assert not found.files["encoder"].exists()
    with pytest.raises(InputMissing, match="a file of mine cannot be read"), model.held():
        pass


def test_a_held_model_that_somebody_writes_to_is_noticed(tmp_path):
    (tmp_path / "e.onnx").write_bytes(b"e")
    model = Candidate("mine", "speech", tmp_path, {"encoder": "e.onnx"})
    with pytest.raises(ModelCorrupt, match="a file of mine changed while it was measured"), model.held():
        (tmp_path / "e.onnx").write_bytes(b"f")
