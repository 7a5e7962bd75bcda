"""Readings as loggers write them, small enough to know by heart: a furnace's day, an archive's, two pumps' shift."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from helpers.engines import signal

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind
from edge_assistant.perception.sense import Request
from edge_assistant.perception.senses.readings import Readings
from edge_assistant.perception.table import Table


def read(csv: str) -> Table:
    """The table of readings written as CSV."""
    percept = Readings({}, Runtime(1)).perceive(signal(Kind.READINGS, data=csv.encode()), Request())
    assert percept.table is not None
    return percept.table


@cache
def furnace() -> Table:
    """Every 5 min on 9 January 2014: 90 °C, above 95 from 01:30 to 02:55 with 99.93 at 02:10, 96 from 05:00 to 05:25.

    From noon on it falls by 0.5 an hour down to 84.04 at 23:55; it is 82.5 at 20:00. 10:05 to 10:20 are missing.
    """
    lines = ["time,temperature [degC]"]
    for step in range(288):
        at = datetime(2014, 1, 9) + timedelta(minutes=5 * step)
        minute = 5 * step
        value = 90.0
        if 90 <= minute <= 175:
            value = 99.93 - 0.05 * abs(minute - 130)
        elif 300 <= minute <= 325:
            value = 96.0
        elif minute >= 720:
            value = 90.0 - (minute - 720) / 120
        if minute == 1200:
            value = 82.5
        cell = "" if 605 <= minute <= 620 else f"{value:.2f}"
        lines.append(f"{at.isoformat()},{cell}")
    return read("\n".join(lines))


@cache
def archive() -> Table:
    """Hourly from Thursday 1 to Sunday 4 August 2013: 70 °F at night, 74 from 10 to 17 h, 76.57 on the 2nd at 19 h.

    Humidity is 45 %, on the 3rd 52 %. There are no rows on the 3rd from 06 to 11 h.
    """
    lines = ["time;archive temperature [degF];humidity [%]"]
    for step in range(96):
        at = datetime(2013, 8, 1) + timedelta(hours=step)
        if at.day == 3 and 6 <= at.hour <= 11:
            continue
        value = 76.57 if (at.day, at.hour) == (2, 19) else 74.0 if 10 <= at.hour <= 17 else 70.0
        value = 69.4 if (at.day, at.hour) == (4, 3) else value
        lines.append(f"{at.isoformat()};{value:.2f};{52 if at.day == 3 else 45}")
    return read("\n".join(lines))


@cache
def pumps() -> Table:
    """Every 10 min from 06:00 to 14:00 on 14 March 2025: pump 1 warms from 40 to 64 °C, pump 2 stays at 55; 4.2 bar.

    The pressure is 5.6 bar from 09:00 to 09:40 and 3.1 bar at 12:00.
    """
    lines = ["time,pump 1 temperature [degC],pump 2 temperature [degC],pressure [bar],operator"]
    for step in range(49):
        at = datetime(2025, 3, 14, 6) + timedelta(minutes=10 * step)
        pressure = 5.6 if 18 <= step <= 22 else 3.1 if step == 36 else 4.2
        lines.append(f"{at.isoformat()},{40 + step / 2:.1f},55.0,{pressure},{'Ana' if step < 24 else 'Ben'}")
    return read("\n".join(lines))
