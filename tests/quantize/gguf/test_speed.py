"""Speed and memory of a GGUF model."""

import pytest
from helpers import tiny_llama

from edge_assistant_quantize.errors import ModelCorrupt
from edge_assistant_quantize.gguf import speed
from edge_assistant_quantize.progress import ignore


def test_speed_and_memory_are_measured_in_another_process(tmp_path):
    steps = []
    found = speed.measure(tiny_llama.write(tmp_path / "tiny.gguf"), threads=1, watch=steps.append)
    assert (steps[0].done, steps[-1].done) == (0, speed.REPEATS)
    assert min(found.speed.values()) > 0
    assert found.peak_mib is None or found.peak_mib > 5
    with pytest.raises(ModelCorrupt, match=r"none\.gguf cannot be read"):
        speed.measure(tmp_path / "none.gguf", threads=1, watch=ignore)
