"""The options that hand signals over, shared by the verbs that take signals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.core.errors import InputError, UsageError
from edge_assistant.core.limits import TEXT_BYTES
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file

if TYPE_CHECKING:
    from edge_assistant.core.answer import Failure

HELPS = {
    Kind.IMAGE: "a picture or PDF: PNG, JPEG, WebP, BMP, TIFF, PDF",
    Kind.AUDIO: "a recording: WAV, FLAC, MP3, OGG, M4A",
    Kind.VIDEO: "a video: MP4, MKV, WebM",
    Kind.READINGS: "sensor readings: CSV with a header, the first column an ISO 8601 time",
    Kind.TEXT: "a text in UTF-8; - reads standard input",
}
_STDIN = "-"


class _Append(argparse.Action):
    """Keep the signals of all kinds in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        namespace.given = [*namespace.given, (Kind(self.dest), str(values))]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add an option for each kind of signal."""
    group = parser.add_argument_group("signals", "each may be given several times; image:1 is the first --image")
    for kind in Kind:
        group.add_argument(f"--{kind}", metavar="F", action=_Append, default=argparse.SUPPRESS, help=HELPS[kind])
    parser.set_defaults(given=[])


def configure_answering(parser: argparse.ArgumentParser) -> None:
    """Add how signals are perceived, compared and shown."""
    parser.add_argument("--profile", metavar="NAME", help="which models: tiny, starter, standard, large, auto")
    parser.add_argument("--language", metavar="L", help="of what is spoken, such as en; detected by default")
    parser.add_argument(
        "--domain", metavar="F", help="words of a domain: clinic, production-line, or a TOML file, see docs/domains.md"
    )
    parser.add_argument("--strict", action="store_true", help="stop where a signal cannot be used (status 3)")
    parser.add_argument("--trace", action="store_true", help="show what each stage took in and came to, on stderr")
    parser.add_argument("--json", action="store_true", help="print one JSON object, see docs/contract.md")
    parser.add_argument(
        "--redact",
        action="store_true",
        help="pseudonyms in place of names, numbers and addresses, see docs/redaction.md",
    )
    parser.add_argument("--plain", action="store_true", help="no colour or redrawn lines, for screen readers")


def from_files(given: Sequence[tuple[Kind, str]]) -> bool:
    """Whether a signal is a file, and not what comes from standard input."""
    return any(not _typed(kind, path) for kind, path in given)


def take(given: Sequence[tuple[Kind, str]], strict: bool) -> tuple[list[Signal], list[Failure]]:
    """Take the signals; one that cannot be taken is a failure among those that can.

    Raises:
        UsageError: standard input is asked for twice.
        InputError: none can be taken, or one cannot and `strict` is set.
        PolicyRefused: no such signal may be taken.
    """
    from edge_assistant.core.answer import Failure

    if sum(_typed(kind, path) for kind, path in given) > 1:
        raise UsageError("standard input can be read only once", "give the second text as a file")
    numbers: dict[Kind, int] = {}
    signals: list[Signal] = []
    failures: list[Failure] = []
    first: InputError | None = None
    for kind, path in given:
        numbers[kind] = numbers.get(kind, 0) + 1
        try:
            signals.append(_take(kind, path, numbers[kind]))
        except InputError as error:
            if strict:
                raise
            first = first or error
            failures.append(Failure.of(f"{kind}:{numbers[kind]}", error))
    if first is not None and not signals:
        raise first
    return signals, failures


def _take(kind: Kind, path: str, number: int) -> Signal:
    from edge_assistant.governance.policy.policy import current

    current().check_signal(kind, Origin.USER if _typed(kind, path) else Origin.FILE)
    if _typed(kind, path):
        data = sys.stdin.buffer.read(TEXT_BYTES.now + 1)
        return take_bytes(data, kind, number, origin=Origin.USER, name="standard input")
    return take_file(Path(path), kind, number)


def _typed(kind: Kind, path: str) -> bool:
    """Whether a signal comes from standard input; of other kinds, - is a file of that name."""
    return kind is Kind.TEXT and path == _STDIN
