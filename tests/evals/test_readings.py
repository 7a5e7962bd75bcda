"""`bench readings`: small and real."""

from __future__ import annotations

import argparse
import json

from edge_assistant.perception.csvfile import read_csv
from evals import readings


def options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    readings.configure(parser)
    return parser.parse_args([*given])


def test_it_writes_what_it_says(tmp_path):
    path = tmp_path / "readings.csv"
    readings.write_readings(path, 1234, 5)
    with path.open("rb") as stream:
        table, notes = read_csv(stream, "readings.csv", path.stat().st_size)
    assert len(table) == 1234
    assert [(column.name, column.unit) for column in table.columns] == [("temperature", "degC"), ("humidity", "%")]
    assert table.interval == 1.0
    assert notes == ()
    again = tmp_path / "again.csv"
    readings.write_readings(again, 1234, 5)
    assert again.read_bytes() == path.read_bytes()


def test_figures(capsys, monkeypatch):
    assert readings.run(options("--rows", "2000", "--repeats", "1", "--json")) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures["seconds"]) == set(figures["peak_mib"]) == {"read", "perceive", "pandas"}
    assert set(figures["ratios"]) == {"read", "perceive"}
    monkeypatch.setattr(readings, "measure", lambda path, repeats: figures)
    assert readings.run(options("--rows", "2000", "--repeats", "1")) == 0
    assert "x pandas" in capsys.readouterr().out
