"""Recordings that are spoken by a seed."""

from __future__ import annotations

import re
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import UsageError
from edge_assistant_quantize.datasets.data import corpus
from evals.speech import duration
from evals.speed import recordings


@given(st.integers(0, 2**31))
def test_sentences_are_the_same_for_a_seed_and_whole(seed):
    found = [*islice(recordings.sentences(seed), 40)]
    assert found == [*islice(recordings.sentences(seed), 40)]
    assert all(re.fullmatch(r"[A-Z][a-z' ,A-Z]+\.", text) for text in found)
    assert len(set(found)) > 10


def test_utterances_are_as_long_as_wanted_and_sound_the_same_again(setting):
    folder, again = setting.folder / "a", setting.folder / "b"
    for where in (folder, again):
        where.mkdir()
        one = recordings.utterances(setting.portfolio, 2, (2.0, 6.0), where)
    assert all(2.0 <= duration(spoken.path) <= 6.0 for spoken in one)
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [p.read_bytes() for p in sorted(again.iterdir())]
    assert all(np.frombuffer(spoken.path.read_bytes()[44:], "<i2").max() > 3_000 for spoken in one)


def test_a_folder_of_recordings_gives_those_of_a_length(setting):
    for spoken in recordings.utterances(setting.portfolio, 1, (2.0, 6.0), setting.folder):
        spoken.path.with_suffix(".txt").write_text(spoken.said)
    assert [one.said for one in recordings.of_folder(setting.folder, (2.0, 6.0))] == [corpus(setting.folder)[0].said]
    with pytest.raises(UsageError, match="no recording of 100 to 200 seconds"):
        recordings.of_folder(setting.folder, (100, 200))
