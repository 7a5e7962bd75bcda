"""What every command of ours does alike: parses strictly, and turns each failure into one line and a status."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import json
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn, TextIO

from edge_assistant import __version__
from edge_assistant.core.errors import EdgeAssistantError, StorageFull, UsageError
from edge_assistant.core.signals import printable

INTERRUPTED = 130
FAULT = 70
_NO_OUTPUT = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ELSEWHERE = "free some space, or send it elsewhere"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours, one line that says what to do, and that takes no option by half its name."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever argparse hands its subparsers
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Refuse a command line.

        Raises:
            UsageError: always.
        """
        raise UsageError(message, f"see '{self.prog} --help'")


def verbs(package: str, only: str | None = None) -> list[ModuleType]:
    """The modules of a package that are verbs, in the order of their names; those of `_` are parts of others.

    Args:
        package: its name.
        only: a verb that is wanted; where it is one of them, the others are not imported.
    """
    folder = importlib.import_module(package)
    found = (module.name for module in pkgutil.iter_modules(folder.__path__))
    names = sorted(name for name in found if name != "main" and not name.startswith("_"))
    modules = [importlib.import_module(f"{package}.{name}") for name in ([only] if only in names else names)]
    return [module for module in modules if hasattr(module, "NAME")]


def parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """The parser of a command, with `--version`."""
    raw = argparse.RawDescriptionHelpFormatter
    top = Parser(prog=prog, description=description, epilog=epilog, formatter_class=raw)
    top.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return top


def add_verbs(top: argparse.ArgumentParser, modules: Sequence[ModuleType], only: str | None = None) -> None:
    """Add verbs with their help and examples; a verb sets `run` and `fetches`.

    Args:
        top: the command's parser.
        modules: of the verbs.
        only: the verb whose options are added; None for all.
    """
    subparsers = top.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    for module in modules:
        fetches = getattr(module, "FETCHES", False)
        verb = add_verb(subparsers, module.NAME, module.HELP, module.EXAMPLES, module.run, fetches=fetches)
        if only in (None, module.NAME):
            module.configure(verb)


def add_verb(
    subparsers: argparse._SubParsersAction[Any],
    name: str,
    help: str,
    examples: str,
    run: Callable[[argparse.Namespace], int],
    *,
    fetches: bool,
) -> argparse.ArgumentParser:
    """Add a verb with its help and its examples, and return its parser, which takes the options."""
    verb: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:],
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.set_defaults(run=run, fetches=fetches)
    return verb


def command(run: Callable[[], int], *, as_json: bool, again: str = "run the command again") -> int:
    """Run a command and return its exit status; what fails is printed.

    Args:
        run: does what was asked and returns the status.
        as_json: whether standard output is to hold JSON.
        again: what to do where it was interrupted.
    """
    _open_streams(as_json)
    try:
        status = _status(run, as_json, again)
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up(sys.stdout, sys.stderr)  # whoever read our output is gone; there is nobody to tell
        return INTERRUPTED
    except OSError as error:
        _give_up(sys.stdout)
        print(f"error: the output cannot be written ({error.strerror}) - {_ELSEWHERE}", file=sys.stderr)
        return StorageFull.exit_status
    return status


def _status(run: Callable[[], int], as_json: bool, again: str) -> int:
    """The exit status; a failure is printed.

    Raises:
        OSError: the output cannot be written.
    """
    try:
        return run()
    except EdgeAssistantError as error:
        return _report(error.message, error.hint, error.code, error.exit_status, as_json)
    except KeyboardInterrupt:
        return _report("interrupted", again, "interrupted", INTERRUPTED, as_json)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_OUTPUT:
            raise
        import logging

        logging.getLogger("edge_assistant").exception("fault")
        what = f"a fault of ours ({type(error).__name__}: {error})"
        return _report(what, "the log has the details; please report it", "fault", FAULT, as_json)


def _open_streams(as_json: bool) -> None:
    """Streams that were closed lead nowhere, and what a stream cannot show is printed as escapes; JSON is UTF-8."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.dup2(descriptor, number)  # else the next file that is opened would take the number
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
        elif number and isinstance(stream, io.TextIOWrapper):
            encoding = "utf-8" if as_json and name == "stdout" else None
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _give_up(*streams: TextIO) -> None:
    """Let what is still buffered go nowhere, so that Python does not stumble over it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _report(message: str, hint: str, code: str, status: int, as_json: bool) -> int:
    """Print a failure as one line, and as an object where JSON was asked for."""
    message, hint = printable(message), printable(hint)
    print(f"error: {message} - {hint}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message, "hint": hint}}))
    return status
