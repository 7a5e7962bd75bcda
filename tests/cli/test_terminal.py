"""One rule for colour and redrawing, whatever is printed."""

from __future__ import annotations

import io

import pytest

from edge_assistant.cli import terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "plain", "environment", "redraws", "colours"),
    [
        (Terminal(), False, {}, True, True),
        (Terminal(), True, {}, False, False),
        (Terminal(), False, {"TERM": "dumb"}, False, False),
        (Terminal(), False, {"NO_COLOR": "1"}, True, False),
        (Terminal(), False, {"NO_COLOR": ""}, True, False),
        (io.StringIO(), False, {}, False, False),
    ],
)
def test_what_a_stream_may_be_sent(
    stream: io.StringIO,
    plain: bool,
    environment: dict[str, str],
    redraws: bool,
    colours: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    if "NO_COLOR" not in environment:
        monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.redraws(stream, plain=plain) is redraws
    assert terminal.colours(stream, plain=plain) is colours


def test_what_is_said_after_ctrl_c_begins_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        terminal.answer("is that right? [y/N] ")
    assert capsys.readouterr().err == "is that right? [y/N] \n"
