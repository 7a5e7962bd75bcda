"""What every test stands on: sealed from the machine, and the real small models.

- The environment is cleaned and the home is a temporary folder: no configuration, cache or token of the machine counts.
- The product is compiled before, as hundreds of commands start from it; while tests run Python writes nothing.
- Python looks for garbage in what tests make, and rarely; not in the tests themselves.
- Nobody makes a link to a file of the store: that changes its inode, by which whoever loads a model tells that its file
  is not the one that was hashed any more, and other processes do that at the same time.
- Sockets reach this machine only, and package clients that a test starts look into local folders only.
- Where several processes share the tests (`make test`), each stays on one core. There are two for each core, as tests
  of the app, the resident and the gateway wait half of their time.
- The files that take longest begin, so that no process waits long for the last one. Files that share what takes seconds
  to make stay in one process.
- `models(role)` gives the verified models of the profile `test` from the store outside the tree.
- `few` is its language model with few layers, and `short` puts it in its place.
- `converter` gives llama.cpp's own converter from the cache outside it.
"""

from __future__ import annotations

import atexit
import compileall
import ctypes
import gc
import ipaddress
import itertools
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import few_layers

from edge_assistant.governance.policy import policy
from edge_assistant_models import paths
from edge_assistant_models.errors import ModelError
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.errors import ToolMissing
from edge_assistant_quantize.fetching import llama

_GET_NO_NEW_PRIVS = 39  # PR_GET_NO_NEW_PRIVS; Landlock and a filter of system calls set it
STORE = paths.models_dir().resolve()  # before the environment is cleaned
CONVERTERS = paths.cache_dir().resolve() / "llama.cpp"  # that `edge-quantize tools` brought, as `make test` lets it
VECTORS = paths.cache_dir().resolve() / "embeddings"  # of the examples that come with the product: seconds to compute

_KEPT = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "OMP_NUM_THREADS"}
_KEPT_PREFIXES = ("COV_", "COVERAGE_", "PYTEST_", "PYTHON", "HYPOTHESIS_", "OPENBLAS_")
_ROOT = Path(__file__).parent.parent
# else a command in a test takes 0.25 s more
_COMPILED = ("edge_assistant", "models", "quantize", "tui", "evals", "tests/helpers")
_LONGEST = (
    *("attacks/test_tried.py", "cli/test_ask.py", "cli/test_bad_input.py", "cli/test_bad_moments.py"),
    *("cli/test_kiosk.py", "cli/test_kiosk_power.py", "cli/test_kiosk_visitors.py", "cli/test_resident.py"),
    *("evals/speed/test_parts.py", "perception/test_writing.py"),
    *("quantize/export/test_exporter.py", "quantize/gguf/test_conversion.py", "quantize/gguf/test_unpacking.py"),
    *("quantize/test_quantize_docs.py", "quantize/cli/test_measure.py", "quantize/cli/test_recipe.py"),
    *("quantize/gguf/test_search.py", "quantize/metrics/test_cross_signal.py"),
    *("quantize/metrics/test_metrics_measured.py", "quantize/gguf/test_quantize.py"),
    *("serve/test_mcp.py", "serve/test_openai.py", "serve/test_wyoming.py"),
    *("tui/test_answer_speaker.py", "tui/test_microphone.py", "tui/test_sizes.py", "tui/test_soak.py"),
)
_TOGETHER = (
    # torch in a process that is forked, and its tiny models
    ("quantize/test_quantize_docs.py", "quantize/export/test_exporter.py", "quantize/gguf/test_conversion.py",
     "quantize/gguf/test_unpacking.py"),
    # a gateway with its resident
    ("serve/test_openai.py", "serve/test_api_docs.py", "serve/test_attacks.py", "serve/test_llm.py",
     "serve/test_soak.py"),
)  # fmt: skip
_GARBAGE = 20_000  # objects more than were freed until Python looks; with its 700 that is a fifth of the tests' time
_WORKER_BYTES = 5 << 30  # of memory that one of pytest-xdist's processes takes at most, with what its tests start
_LEFT_OPEN = r"unclosed file <_io\.TextIOWrapper name='/dev/null'"  # by llama_cpp, from its import on


def pytest_configure(config: pytest.Config) -> None:
    """Clean the environment for this process and for all that it starts."""
    config.option.loadscopereorder = False  # pytest-xdist would begin with the files that have the most tests
    _take_core()
    _take_signals()
    for name in set(os.environ) - _KEPT:
        if not name.startswith(_KEPT_PREFIXES):
            del os.environ[name]
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for folder in _COMPILED:
            compileall.compile_dir(_ROOT / folder, quiet=2)
    sys.dont_write_bytecode = False  # of the tests, which pytest compiles itself
    from hypothesis import HealthCheck, settings  # here, for pytest compiles it itself, which takes a second

    gc.set_threshold(_GARBAGE)
    atexit.register(warnings.filterwarnings, "ignore", _LEFT_OPEN, ResourceWarning)
    os.environ.update(
        PYTHONDONTWRITEBYTECODE="1",
        PIP_NO_INDEX="1",
        PIP_CONFIG_FILE=os.devnull,
        npm_config_offline="true",
        npm_config_userconfig=os.devnull,
        HF_HUB_DISABLE_TELEMETRY="1",
        ORT_DISABLE_TELEMETRY="1",
        PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",  # the person's own keyring is not for tests
    )
    settings.register_profile(
        "any machine",
        deadline=None,  # nothing is asserted on seconds, not by hypothesis either
        suppress_health_check=[HealthCheck.too_slow],
        derandomize="HYPOTHESIS_EXPLORE" not in os.environ,  # the same commit passes or fails, whoever runs it
    )
    settings.load_profile("any machine")
    socket.socket.connect = _guarded(socket.socket.connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = _guarded(socket.socket.connect_ex)  # type: ignore[method-assign]
    os.link = _outside_store(os.link)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin."""
    items.sort(key=lambda item: not item.nodeid.startswith(tuple(f"tests/{file}" for file in _LONGEST)))


def pytest_collection_finish() -> None:
    """Write no more compiled code, and let the collector never look at the tests, which are most of what there is."""
    sys.dont_write_bytecode = True
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's, without which some tests start pytest
def pytest_xdist_auto_num_workers() -> int:
    """Two on each core, where the memory suffices: one computes while the other waits."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _WORKER_BYTES
    return max(cores, min(2 * cores, room))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file goes to one process, with those that it shares something with."""
    from xdist.scheduler import LoadFileScheduling

    if config.getvalue("dist") != "loadfile":
        return None
    first = {f"tests/{file}": f"tests/{files[0]}" for files in _TOGETHER for file in files}

    class TogetherScheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return first.get(file, file)

    return TogetherScheduling(config, log)


def _take_core() -> None:
    """Stay on one core, where this is one of pytest-xdist's processes.

    llama.cpp's threads spin while they wait, and fall to a fraction of their speed on cores that they share.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if number and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(number) % len(cores)]})


def _take_signals() -> None:
    """Obey what a terminal sends: whoever a shell started in the background ignores it, as does all that it starts."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    """A connect that refuses whatever leaves this machine."""

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_local(address[0]):
            raise OSError(f"a test may not connect to {address[0]}")
        return connect(self, address)

    return guarded


def _outside_store(link: Callable[..., None]) -> Callable[..., None]:
    """A link that refuses the models that all tests share."""

    def guarded(source: Any, target: Any, **how: Any) -> None:
        if Path(os.fsdecode(source)).resolve().is_relative_to(STORE):
            raise PermissionError(f"a test may not link to {source}, which others load: copy it")
        link(source, target, **how)

    return guarded


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that are not there yet; pytest would list all that there are for each one that it makes."""
    within = tmp_path_factory.mktemp("homes")
    return (within / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def unlocked() -> Iterator[None]:
    """Nothing takes back a lock of this process, under which all tests after it would run; so it is set in others."""
    before = _lacks_privileges()
    yield
    assert _lacks_privileges() == before, "this test locked its own process"


def _lacks_privileges() -> bool:
    return sys.platform == "linux" and bool(ctypes.CDLL(None).prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0))


@pytest.fixture(autouse=True)
def home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the product, for this test alone; only what is made of shipped examples and words is there."""
    folder = next(homes)
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(folder))
    monkeypatch.setenv("HF_HOME", str(folder / "huggingface"))
    monkeypatch.setattr(policy, "SYSTEM", folder / "etc" / "policy.toml")
    (folder / "cache").mkdir()
    VECTORS.mkdir(parents=True, exist_ok=True)
    (folder / "cache" / VECTORS.name).symlink_to(VECTORS)
    return folder


@pytest.fixture
def hold(home: Path) -> Callable[[str], Path]:
    """Let a policy hold; its file."""

    def held(text: str) -> Path:
        file = home / "config" / "policy.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return held


@pytest.fixture(scope="session")
def store() -> Path:
    """The store outside the tree that holds the real models, for tests that start the real command."""
    return STORE


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], InstalledModel]:
    """The model of a role in the profile `test`, opened and verified."""
    portfolio = Portfolio(STORE, user_catalog=tmp_path_factory.mktemp("catalog"))
    chosen = portfolio.resolve("test")

    def model(role: str) -> InstalledModel:
        try:
            return portfolio.open(chosen[role])
        except ModelError as error:
            pytest.fail(
                f"{error}; 'edge-assistant models pull --profile test' brings all that tests need", pytrace=False
            )

    return model


@pytest.fixture(scope="session")
def few(models: Callable[[str], InstalledModel], tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    """The language model with 2 of its 30 layers: real and quick, where what it says does not matter."""
    model = models("language")
    path = tmp_path_factory.mktemp("few") / "few.gguf"
    return replace(model, files={"model": few_layers.write(model.files["model"], path, (0, 15))})


@pytest.fixture
def short(few: InstalledModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the language model in this process gets the one with few layers."""
    opened = Portfolio.open

    def open_one(self: Portfolio, name: str, **how: Any) -> InstalledModel:
        return few if name == few.name else opened(self, name, **how)

    monkeypatch.setattr(Portfolio, "open", open_one)


@pytest.fixture
def converter(home: Path) -> Path:
    """llama.cpp's own converter, in the cache of this test's home."""
    (home / "cache" / "llama.cpp").symlink_to(CONVERTERS)
    try:
        return llama.source()
    except ToolMissing as error:
        pytest.fail(f"{error}; 'edge-quantize tools' brings it, 'make test' lets it", pytrace=False)
