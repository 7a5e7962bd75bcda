"""`bench readings`: small and real."""

from __future__ import annotations

import argparse
import json

from evals import readings


def options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    readings.configure(parser)
    return parser.parse_args([*given])


def test_figures(capsys, monkeypatch):
    assert readings.run(options("--rows", "2000", "--repeats", "1", "--json")) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures["seconds"]) == set(figures["peak_mib"]) == {"read", "perceive", "pandas"}
    assert set(figures["ratios"]) == {"read", "perceive"}
    monkeypatch.setattr(readings, "measure", lambda path, repeats: figures)
    assert readings.run(options("--rows", "2000", "--repeats", "1")) == 0
    assert "x pandas" in capsys.readouterr().out
