"""What computes has this: as many threads as `scheduling` decides, ONNX Runtime's sessions, and the wish to stop."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.compute import gpus, sd_notify
from edge_assistant.compute.accelerators import CPU, OFF, Provider, providers_for
from edge_assistant.compute.scheduling import topology
from edge_assistant.core.errors import ModelCorrupt, Stopped
from edge_assistant_models import headers
from edge_assistant_models.headers import HeaderFormat
from edge_assistant_models.loading import held

if TYPE_CHECKING:
    import onnxruntime

_FATAL = 4  # ONNX Runtime's level of logging: what goes wrong is raised, and is not printed besides


class Halt:
    """The wish to stop, told from any thread. What computes looks at it now and then, or is told at once."""

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)  # a C string of no or one character
        self._lock = threading.Lock()
        self._told: list[Callable[[], None]] = []

    @property
    def address(self) -> int:
        """Where the flag stands for code that is not Python: a C string, empty until to stop is asked."""
        return ctypes.addressof(self._flag)

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._flag.raw[0] != 0

    def ask(self) -> None:
        """Let what runs stop."""
        with self._lock:
            self._flag[0] = b"\1"
            for tell in self._told:
                tell()

    def clear(self) -> None:
        """Let what comes next run."""
        self._flag[0] = b"\0"

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: to stop was asked.
        """
        if self.asked:
            raise Stopped("stopped", "ask again")

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """While this runs, `tell` is called when to stop is asked, in the thread that asks; it must return at once.

        Raises:
            Stopped: to stop was asked before.
        """
        with self._lock:
            self.check()
            self._told.append(tell)
        try:
            yield
        finally:
            with self._lock:
                self._told.remove(tell)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What computation may use.

    Attributes:
        threads: threads of one heavy computation; one heavy computation runs at a time.
        halt: the wish to stop it.
        gpu: which graphics card may compute besides, see `accelerators.select`; none unless it is asked for.
    """

    threads: int
    halt: Halt = field(default_factory=Halt, compare=False, repr=False)
    gpu: str = OFF

    @classmethod
    def detect(cls, gpu: str = OFF) -> Runtime:
        """The runtime of this machine and container; libraries with pools of their own are told of it."""
        cores = topology.decide(topology.facts())
        topology.tell_libraries(cores.threads)
        return cls(cores.threads, gpu=gpu)

    def session(self, model: Path, *, threads: int | None = None, lanes: int = 1) -> onnxruntime.InferenceSession:
        """Open an ONNX model, on a graphics card where one may compute and takes it; idle threads sleep.

        Args:
            model: the file.
            threads: that a run takes; by default all.
            lanes: runs at the same time, which share them.

        Raises:
            ModelCorrupt: the file is not the one that was hashed, its headers are unsound, or it cannot be loaded.
        """
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # 1.29 and later send telemetry on Linux unless set before import
        import onnxruntime

        onnxruntime.set_default_logger_severity(_FATAL)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or max(1, self.threads // lanes)
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with sd_notify.loading(), held(model, HeaderFormat.ONNX) as name:
            try:
                session = gpus.opened(self._ways(name), partial(_open, name, options), model.name)
            except Exception as error:  # ONNX Runtime raises its own classes, which derive from Exception directly
                reason = str(error).splitlines()[0].replace(name, model.name)
                raise ModelCorrupt(
                    f"{model.name} cannot be loaded ({reason})", "run 'edge-assistant models verify'"
                ) from error
        session.halt = self.halt
        if session.get_providers() != [CPU]:
            session.opening = threading.Lock()
            session.again = partial(replace(self, gpu=OFF).session, model, threads=threads)
        return session

    def _ways(self, name: str) -> list[tuple[Provider, ...]]:
        """Sets of providers to open a model with, in order; the processor alone is the last."""
        chosen = gpus.for_onnx(self.gpu)
        ways: list[tuple[Provider, ...]] = [(Provider(CPU),)]
        if chosen.accelerated and len(providers := providers_for(chosen, headers.operators(name))) > 1:
            ways.insert(0, providers)
        return ways


def _open(name: str, options: onnxruntime.SessionOptions, providers: tuple[Provider, ...]) -> Any:  # noqa: ANN401
    """A session; that ONNX Runtime leaves a provider out by itself, as it does where a library is missing, is noted."""
    given = [(each.name, dict(each.options)) if each.options else each.name for each in providers]
    session = _session_class()(name, options, providers=given, enable_fallback=0)
    if missing := {each.name for each in providers} - set(session.get_providers()):
        gpus.note(f"ONNX Runtime left {min(missing)} out, for a library or the driver is missing or another")
    return session


@cache
def _session_class() -> Any:  # noqa: ANN401 - a class of a library that is imported late
    """ONNX Runtime's session, each run of which ends when to stop is asked."""
    import onnxruntime

    class StoppableSession(onnxruntime.InferenceSession):  # type: ignore[misc]
        """Raises `Stopped` out of a run; it can be run again afterwards. Where a card fails, the processor goes on.

        Several threads may run it at once, and the card may fail all of them.

        Attributes:
            again: opens the same model on the processor; None where it is there already.
            opening: is held while that is opened.
        """

        halt: Halt
        again: Callable[[], StoppableSession] | None = None
        opening: threading.Lock
        _instead: StoppableSession | None = None

        def run(self, *args: Any, run_options: onnxruntime.RunOptions | None = None) -> Any:  # noqa: ANN401
            return self._stoppable("run", super().run, args, run_options)

        def run_with_ort_values(self, *args: Any, run_options: onnxruntime.RunOptions | None = None) -> Any:  # noqa: ANN401
            return self._stoppable("run_with_ort_values", super().run_with_ort_values, args, run_options)

        def _stoppable(
            self, name: str, run: Callable[..., Any], args: tuple[Any, ...], options: onnxruntime.RunOptions | None
        ) -> Any:  # noqa: ANN401
            if self._instead is not None:
                return getattr(self._instead, name)(*args, run_options=options)
            options = options or onnxruntime.RunOptions()
            with self.halt.telling(lambda: setattr(options, "terminate", True)):
                try:
                    made = run(*args, run_options=options)
                except Exception as error:  # ONNX Runtime raises its own class of error where it was told to stop
                    self.halt.check()
                    if self.again is None:
                        raise
                    gpus.note(f"the graphics card failed in a run ({gpus.reason(error)})")
                else:
                    sd_notify.advanced()
                    return made
            with self.opening:
                self._instead = self._instead or self.again()
            return getattr(self._instead, name)(*args)

    return StoppableSession
