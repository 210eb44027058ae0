"""The rules that a new clinic starts with. Pure."""

from scheduler.reminders.schedule.types import Rule
from scheduler.reminders.texts.default_templates import CASES, TEMPLATES

HOUR = 60
SEASON = 90 * 24 * HOUR  # a notice expires earlier, with its appointment
TO_CORRECT_A_SLIP = 2  # staff who moved the wrong appointment can correct it before the notice

DEFAULT_RULES = (
    Rule(
        id="confirmation",
        kind="confirmation",
        anchor="booked",
        offset_minutes=0,
        which="first",
        quiet="ignore",
        useful_minutes=24 * HOUR,
        priority=100,
        always=False,
        asked=True,
        templates=TEMPLATES["confirmation"],
    ),
    Rule(
        id="day_before",
        kind="day_before",
        anchor="start",
        offset_minutes=-24 * HOUR,
        which="all",
        quiet="earlier",
        useful_minutes=-2 * HOUR,  # the tip on eating is for two hours before
        priority=90,
        always=True,
        asked=False,
        templates=TEMPLATES["day_before"],
        cases=CASES["day_before"],
    ),
    Rule(
        id="same_day",
        kind="same_day",
        anchor="start",
        offset_minutes=-3 * HOUR,
        which="first",
        quiet="earlier",
        useful_minutes=-2 * HOUR,
        priority=10,
        always=False,
        asked=False,
        templates=TEMPLATES["same_day"],
    ),
    Rule(
        id="aftercare",
        kind="aftercare",
        anchor="end",
        offset_minutes=0,
        which="first",
        quiet="later",
        useful_minutes=12 * HOUR,
        priority=30,
        always=False,
        asked=False,
        templates=TEMPLATES["aftercare"],
    ),
    Rule(
        id="check_in",
        kind="check_in",
        anchor="end",
        offset_minutes=24 * HOUR,
        which="first",
        quiet="later",
        useful_minutes=48 * HOUR,
        priority=20,
        always=False,
        asked=False,
        templates=TEMPLATES["check_in"],
    ),
    Rule(
        id="review",
        kind="review",
        anchor="end",
        offset_minutes=24 * HOUR,
        which="review",
        quiet="later",
        useful_minutes=72
        * HOUR,  # a day later if the day after is the day before the next appointment
        priority=60,
        always=False,
        asked=False,
        templates=TEMPLATES["review"],
    ),
    Rule(
        id="closing",
        kind="closing",
        anchor="end",
        offset_minutes=HOUR,
        which="last",
        quiet="later",
        useful_minutes=48 * HOUR,
        priority=15,
        always=False,
        asked=False,
        templates=TEMPLATES["closing"],
    ),
    Rule(
        id="moved",
        kind="moved",
        anchor="change",
        offset_minutes=TO_CORRECT_A_SLIP,
        which="moved",
        quiet="later",
        useful_minutes=SEASON,
        priority=95,
        always=True,
        asked=False,
        templates=TEMPLATES["moved"],
    ),
    Rule(
        id="cancelled",
        kind="cancelled",
        anchor="change",
        offset_minutes=TO_CORRECT_A_SLIP,
        which="cancelled",
        quiet="later",
        useful_minutes=SEASON,
        priority=95,
        always=True,
        asked=False,
        templates=TEMPLATES["cancelled"],
    ),
    Rule(
        id="reassigned",
        kind="reassigned",
        anchor="change",
        offset_minutes=TO_CORRECT_A_SLIP,
        which="reassigned",
        quiet="later",
        useful_minutes=SEASON,
        priority=94,
        always=True,
        asked=False,
        templates=TEMPLATES["reassigned"],
    ),
)
"""Confirm a booking at once, remind before every appointment, advise around the first one, ask for
a score when a review falls due, close the course, and report the clinic's own changes.

There is one reminder per appointment, although two would reduce missed ones (4.4 % against 5.3 %,
Steiner 2018). At the usual two appointments a week two reminders would be four messages, and the
limit is three. A clinic with one appointment a week can add the second one."""
