"""Sessions that cannot be opened, and that are stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import onnxruntime
import pytest

from edge_assistant.compute.runtime import Halt, Runtime
from edge_assistant.core.errors import Stopped
from edge_assistant_models.model import InstalledModel


def test_a_session_of_a_real_model(models: Callable[[str], InstalledModel]) -> None:
    session = Runtime(1).session(models("embedder").files["model"])
    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


class Asked(Halt):
    """A wish to stop that comes when a session is about to run."""

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        with super().telling(tell):
            self.ask()
            yield


@pytest.mark.parametrize("halt", [Asked(), Halt()], ids=["while it runs", "before"])
def test_a_session_is_stopped_and_runs_again(models: Callable[[str], InstalledModel], halt: Halt) -> None:
    model = models("vad").files
    feed = {
        "input": np.zeros((1, 576), np.float32),
        "state": np.zeros((2, 1, 128), np.float32),
        "sr": np.array(16_000, np.int64),
    }
    session = Runtime(1, halt).session(next(iter(model.values())))
    if type(halt) is Halt:
        halt.ask()
    with pytest.raises(Stopped):
        session.run(None, feed)
    session.halt = Halt()
    assert len(session.run(None, feed)) == 2
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in feed.items()}
    assert len(session.run_with_ort_values(None, values)) == 2
    assert Runtime(1).halt is not Runtime(1).halt


def test_the_wish_to_stop_is_told_at_once_and_to_nobody_who_has_finished() -> None:
    halt, told = Halt(), list[str]()
    with halt.telling(lambda: told.append("first")):
        pass
    with halt.telling(lambda: told.append("second")):
        asking = threading.Thread(target=halt.ask)
        asking.start()
        asking.join()
        assert (told, halt.asked) == (["second"], True)
    with pytest.raises(Stopped), halt.telling(lambda: told.append("third")):
        pytest.fail("it was asked before")
    halt.clear()
    halt.check()
    assert told == ["second"]


def test_a_wrong_input_is_no_wish_to_stop(models: Callable[[str], InstalledModel]) -> None:
    session = Runtime(1).session(next(iter(models("vad").files.values())))
    with pytest.raises(Exception, match="input"):
        session.run(None, {"nothing": np.zeros(1, np.float32)})
