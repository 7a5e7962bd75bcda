"""A home for what is measured: nothing of the person's is written, and what ships with the product is there."""

from pathlib import Path

import pytest

from edge_assistant_models import paths
from evals.speed import process


@pytest.fixture
def cache_of_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache in a person's home, where there is nothing yet."""
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path / "person"))
    return paths.cache_dir()


def test_the_person_s_cache_is_copied_and_never_written(cache_of_person: Path, tmp_path: Path) -> None:
    own = cache_of_person / "embeddings"
    own.mkdir(parents=True)
    (own / "vectors.npz").write_bytes(b"vectors")
    with process.temporary_home(tmp_path):
        copied = paths.cache_dir() / own.name
        assert (copied / "vectors.npz").read_bytes() == b"vectors"
        (copied / "vectors.npz").write_bytes(b"others")
        (copied / "more.npz").write_bytes(b"more")
        (paths.cache_dir() / "evidence").mkdir()
        process.clear_caches()
        assert [found.name for found in paths.cache_dir().iterdir()] == [own.name]
    assert {found.name: found.read_bytes() for found in own.iterdir()} == {"vectors.npz": b"vectors"}


def test_a_person_without_a_cache_gets_none(cache_of_person: Path, tmp_path: Path) -> None:
    with process.temporary_home(tmp_path):
        process.clear_caches()
    assert not cache_of_person.exists()
