"""Evidence and locators: what is shown and what the JSON says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Evidence, Locator, Passage, clock


@pytest.mark.parametrize(
    ("locator", "keys", "shown"),
    [
        (Locator(), {}, ""),
        (Locator(page=2, box=(1, 2, 3, 4)), {"page": 2, "box": [1, 2, 3, 4]}, "page 2, box 1 2 3 4"),
        (Locator(seconds=(3.1, 65.44)), {"seconds": [3.1, 65.44]}, "00:03.1-01:05.4"),
        (
            Locator(seconds=(0.0, 3723.0), box=(0, 0, 9, 9)),
            {"box": [0, 0, 9, 9], "seconds": [0.0, 3723.0]},
            "00:00.0-1:02:03.0, box 0 0 9 9",
        ),
        (Locator(rows=(4, 4)), {"rows": [4, 4]}, "row 4"),
        (Locator(rows=(4, 9)), {"rows": [4, 9]}, "rows 4-9"),
        (Locator(chars=(0, 12)), {"chars": [0, 12]}, "characters 0-12"),
    ],
)
def test_a_locator_says_only_what_applies(locator: Locator, keys: dict[str, object], shown: str) -> None:
    assert locator.to_json() == keys
    assert str(locator) == shown


@given(st.floats(0, 1e7))
def test_a_clock_rounds_to_tenths(seconds: float) -> None:
    parts = clock(seconds).split(":")
    assert all(float(part) < 60 for part in parts[-2:])
    total = sum(float(part) * 60**i for i, part in enumerate(reversed(parts)))
    assert total == pytest.approx(seconds, abs=0.051)


@pytest.mark.parametrize(("confidence", "written"), [(None, None), (1.0, 1.0), (0.123456, 0.1235)])
def test_evidence_as_json(confidence: float | None, written: float | None) -> None:
    item = Evidence("E1", "text:1", "Ünïcode", confidence, Locator(chars=(0, 7)), Passage())
    assert json.loads(json.dumps(item.to_json())) == {
        "id": "E1",
        "signal": "text:1",
        "text": "Ünïcode",
        "confidence": written,
        "locator": {"chars": [0, 7]},
    }
