"""The lower limit of a slot search: one program for one question, directly on the driver.

It reads the same rows as the program's search (practitioners, rooms, hours, closures, diary) and
finds the same slots while the clocks do not change. It ignores expired holds, hands-on minutes,
licenses, turnover, notice and the patient, all of which the program handles.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.clinic import FIRST, LAST, SESSION, ZONE
from scheduler.clinic.hours import moment

Rows = Callable[[str], Sequence[Any]]
"""Runs a query and returns all its rows."""

STEP = 20
DAY = 1440
TOGETHER = SESSION // STEP


def search(rows: Rows, treatment_id: int, *, listed: str) -> list[tuple[int, int, int]]:
    """Free (start minute, practitioner, room), sorted by start and practitioner."""
    start, end = moment(FIRST, 0, ZONE), moment(LAST, DAY, ZONE)
    count = (end - start) // STEP
    staff = rows(
        "SELECT p.id, p.calendar_id FROM practitioners p JOIN treatment_practitioners t"
        f" ON t.practitioner_id = p.id WHERE t.treatment_id = {treatment_id} ORDER BY p.id"
    )
    beds = rows(
        "SELECT r.id, r.calendar_id FROM rooms r JOIN treatment_rooms t"
        f" ON t.room_id = r.id WHERE t.treatment_id = {treatment_id} ORDER BY r.id"
    )
    closed = {day for (day,) in rows(f"SELECT day FROM closures WHERE day >= '{FIRST}'")}
    hours = rows("SELECT practitioner_id, weekday, starts, ends FROM working_hours")
    calendars = ",".join(str(calendar) for _, calendar in (*staff, *beds))
    taken: dict[int, int] = defaultdict(int)
    stretch = (1 << 2 * TOGETHER - 1) - 1
    back = TOGETHER - 1
    for calendar, minutes in rows(
        f"SELECT calendar_id, {listed} FROM diary WHERE calendar_id IN ({calendars})"
        f" AND from_minute > {start - DAY} AND from_minute < {end} AND to_minute > {start}"
        " GROUP BY calendar_id"
    ):
        # An entry blocks the starts up to one session length before it, and those within it.
        mask = 0
        for minute in json.loads(f"[{minutes}]"):
            mask |= stretch << ((minute - start) // STEP - back)
        taken[calendar] = mask
    open_starts: dict[int, int] = defaultdict(int)
    for practitioner_id, weekday, starts, ends in hours:
        begin = int(starts[:2]) * 60 + int(starts[3:])
        work = int(ends[:2]) * 60 + int(ends[3:]) - begin - SESSION
        mask = ((1 << work // STEP + 1) - 1) << begin // STEP
        for ahead in range((weekday - FIRST.weekday()) % 7, (LAST - FIRST).days + 1, 7):
            if not closed:
                open_starts[practitioner_id] |= mask << ahead * DAY // STEP
    room_at = [0] * count
    unhoused = (1 << count) - 1
    for bed, calendar in beds:
        housed = unhoused & ~taken[calendar]
        for bit, sign in enumerate(reversed(f"{housed:b}")):
            if sign == "1":
                room_at[bit] = bed
        unhoused &= ~housed
    found = []
    for practitioner_id, calendar in staff:
        free = open_starts[practitioner_id] & ~taken[calendar] & ~unhoused
        for bit, sign in enumerate(reversed(f"{free:b}")):
            if sign == "1":
                found.append((start + bit * STEP, practitioner_id, room_at[bit]))
    found.sort()
    return found
