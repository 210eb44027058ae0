"""A phase: the part of a treatment that has one pace, in days and weeks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil
from typing import Any, NoReturn

from scheduler.infra.errors import Invalid

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MAX_COURSE_SESSIONS = 60
LONGEST_PHASE = 366
MOST_WEEKS_APART = 12
MOST_WEEKS_TOGETHER = 4
"""Several sessions may be spread over this many weeks; 7 in 5 weeks is probably a typing error."""
MOST_WAIT = 2
"""Days that `every_days` may wait for a named weekday: over a weekend."""
_PACES = ("per_week", "every_days", "within_days")
_COUNTED = ("caps", "earlier")
_RARE = ("at_least_days", "repeat", "pause_days", "from_day", "to_day", "anchor_on")
_KEYS = {"sessions", *_PACES, "rest_days", "weekdays", "optional", *_RARE, *_COUNTED}


@dataclass(frozen=True, slots=True, order=True)
class Cap:
    """At most `sessions` of a treatment in each period of `days`, from the first session."""

    sessions: int
    days: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A number of sessions at exactly one pace. Raises Invalid if the pace cannot be kept.

    `per_week` is 1 to 7, or a fraction: 1.5 is 3 sessions in 2 weeks, 0.5 is every 2 weeks, 0.25
    every 4 weeks. `every_days` with weekdays waits for the next of them: every day but weekends.
    `within_days` can have a minimum, `at_least_days`: 10 within 56 days, but not in under 35.
    `weekdays` count from 0, Monday; empty means any.
    `repeat`: how often the phase is given, with `pause_days` whole days between (`written_out`).
    `from_day`, `to_day`: no session before or after these days, counted from `anchor_on`, a date
    that each course sets: -14 is two weeks before it.
    `caps` apply to the whole course, whichever phase names them; `earlier` are the days of the
    patient's previous sessions, which count toward them.
    """

    sessions: int
    per_week: float | None = None
    every_days: int | None = None
    within_days: int | None = None
    rest_days: int = 0
    weekdays: tuple[int, ...] = ()
    optional: bool = False
    at_least_days: int | None = None
    repeat: int = 1
    pause_days: int = 0
    from_day: int | None = None
    to_day: int | None = None
    anchor_on: date | None = None
    caps: tuple[Cap, ...] = ()
    earlier: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check_pace(self)
        _check_weekdays(self)
        _check_anchor(self)

    @property
    def window(self) -> tuple[int, int]:
        """How many sessions in how many weeks `per_week` means: (3, 2) for 1.5."""
        return _window(self.per_week or 1) or (1, 1)

    @property
    def anchored(self) -> bool:
        """Whether its days are counted from a date that each course sets."""
        return self.from_day is not None or self.to_day is not None

    @property
    def first_day(self) -> date | None:
        """The first day that it may use; None without `from_day` or `anchor_on`."""
        return self._by_anchor(self.from_day)

    @property
    def last_day(self) -> date | None:
        """The last day that it may use; None without `to_day` or `anchor_on`."""
        return self._by_anchor(self.to_day)

    def _by_anchor(self, days: int | None) -> date | None:
        if days is None or self.anchor_on is None:
            return None
        return self.anchor_on + timedelta(days=days)


_DEFAULTS = {"repeat": 1, "pause_days": 0}


def from_json(value: object) -> Phase:
    """A phase from JSON. Raises Invalid for unknown keys and wrong types."""
    if not isinstance(value, dict):
        _refuse("A phase is an object with sessions and a pace.")
    if unknown := sorted(str(key) for key in value.keys() - _KEYS):
        _refuse(f"A phase has no {unknown[0]!r}.")
    names = value.get("weekdays") or []
    if not isinstance(names, list | tuple) or any(name not in WEEKDAYS for name in names):
        _refuse(f"The weekdays of a phase are among {', '.join(WEEKDAYS)}.")
    optional = value.get("optional", False)
    if not isinstance(optional, bool):
        _refuse("Whether a phase is optional is true or false.")
    return Phase(
        sessions=_whole(value.get("sessions"), "sessions"),
        per_week=_number(value.get("per_week")),
        every_days=_whole_or_none(value.get("every_days"), "every_days"),
        within_days=_whole_or_none(value.get("within_days"), "within_days"),
        rest_days=_whole(value.get("rest_days") or 0, "rest_days"),
        weekdays=tuple(sorted({WEEKDAYS.index(name) for name in names})),
        optional=optional,
        at_least_days=_whole_or_none(value.get("at_least_days"), "at_least_days"),
        repeat=_whole(value.get("repeat") or 1, "repeat"),
        pause_days=_whole(value.get("pause_days") or 0, "pause_days"),
        from_day=_whole_or_none(value.get("from_day"), "from_day"),
        to_day=_whole_or_none(value.get("to_day"), "to_day"),
        anchor_on=_day(value["anchor_on"], "anchor_on") if value.get("anchor_on") else None,
        caps=tuple(_cap(cap) for cap in _list(value.get("caps"), "caps")),
        earlier=tuple(
            _day(day, "each of earlier") for day in _list(value.get("earlier"), "earlier")
        ),
    )


def written_out(phases: Sequence[Phase]) -> list[Phase]:
    """The phases with repeats written out. A pause becomes the `rest_days` of a repeat."""
    return [
        replace(phase, repeat=1, pause_days=0, rest_days=phase.pause_days or phase.rest_days)
        if number
        else replace(phase, repeat=1, pause_days=0)
        for phase in phases
        for number in range(phase.repeat)
    ]


def counted_from(phases: Sequence[Phase], anchor_on: date | None) -> list[Phase]:
    """The phases with `anchor_on` set where they need it. Raises Invalid if it is missing."""
    dated = [
        replace(phase, anchor_on=anchor_on) if phase.anchored and anchor_on else phase
        for phase in phases
    ]
    if any(phase.anchored and phase.anchor_on is None for phase in dated):
        raise Invalid("Please say the date that this course is counted from.", field="anchor_on")
    return dated


def to_json(phase: Phase) -> dict[str, Any]:
    """A phase as JSON: only the pace that it has, weekdays by their short names."""
    paces = ((name, getattr(phase, name)) for name in _PACES)
    rare = {
        name: getattr(phase, name) for name in _RARE if getattr(phase, name) != _DEFAULTS.get(name)
    }
    if phase.anchor_on is not None:
        rare["anchor_on"] = phase.anchor_on.isoformat()
    if phase.caps:
        rare["caps"] = [{"sessions": cap.sessions, "days": cap.days} for cap in phase.caps]
    if phase.earlier:
        rare["earlier"] = [day.isoformat() for day in phase.earlier]
    return {
        "sessions": phase.sessions,
        **{name: _plain(pace) for name, pace in paces if pace is not None},
        "rest_days": phase.rest_days,
        "weekdays": [WEEKDAYS[day] for day in phase.weekdays],
        "optional": phase.optional,
        **rare,
    }


def weeks(phases: list[Phase]) -> int:
    """How many weeks a course takes at its pace, without optional phases."""
    return ceil(_extent(phases)[0] / 7)


def weeks_of_all(phases: Sequence[Phase]) -> int:
    """How many weeks a course takes at its pace, with optional phases."""
    return weeks([replace(phase, optional=False) for phase in phases])


def days(phases: list[Phase]) -> int:
    """Days from the first to the last session, inclusive, without optional phases."""
    return _extent(phases)[1] + 1


def _extent(phases: list[Phase]) -> tuple[int, int]:
    """Days from the first session until the course is over, and until its last session."""
    end = free_from = last = 0
    planned = [phase for phase in written_out(phases) if not phase.optional]
    for number, phase in enumerate(planned):
        start = max(free_from, last + 1 + phase.rest_days) if number else 0
        length, last_offset = block(phase)
        end, last = start + length, start + last_offset
        # A phase in weeks ends with its last week, one in days with its last session and one gap.
        free_from = last + phase.every_days if phase.every_days else end
    return _capped(planned, end, last)


def _capped(planned: Sequence[Phase], end: int, last: int) -> tuple[int, int]:
    """The result of `_extent`, longer where caps delay sessions."""
    sessions = sum(phase.sessions for phase in planned)
    for cap in {cap for phase in planned for cap in phase.caps}:
        full, rest = divmod(sessions - 1, cap.sessions)
        begun = full * cap.days  # the first day of the last period
        share = (rest + 1) / sessions
        end, last = max(end, begun + ceil(end * share)), max(last, begun + ceil(last * share))
    return end, last


def join(words: list[str], last: str) -> str:
    """A list as "a, b and c"; `last` is the word before the last element."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _check_numbers(phase: Phase) -> None:
    if not 1 <= phase.sessions <= MAX_COURSE_SESSIONS:
        _refuse(f"A phase has 1 to {MAX_COURSE_SESSIONS} sessions.")
    if not 0 <= phase.rest_days <= LONGEST_PHASE:
        _refuse(f"A phase comes after 0 to {LONGEST_PHASE} days of rest.")
    if any(not 0 <= day <= 6 for day in phase.weekdays):
        _refuse("Weekdays run from 0, Monday, to 6, Sunday.")
    if len(set(phase.weekdays)) != len(phase.weekdays):
        _refuse("A phase names each weekday once.")
    if (
        not 1 <= phase.repeat <= MAX_COURSE_SESSIONS
        or phase.repeat * phase.sessions > MAX_COURSE_SESSIONS
    ):
        _refuse(f"A phase and its repeats have 1 to {MAX_COURSE_SESSIONS} sessions.")
    if not 0 <= phase.pause_days <= LONGEST_PHASE:
        _refuse(f"A phase is repeated after 0 to {LONGEST_PHASE} days.")
    if phase.pause_days and phase.repeat == 1:
        _refuse("A pause lies between repeats; before a phase there are rest_days.")


def _check_pace(phase: Phase) -> None:
    given = [name for name in _PACES if getattr(phase, name) is not None]
    if len(given) != 1:
        _refuse("A phase has exactly one pace: per_week, every_days or within_days.")
    if phase.per_week is not None:
        _check_per_week(phase.per_week)
    if phase.every_days is not None and not 1 <= phase.every_days <= LONGEST_PHASE:
        _refuse(f"Sessions come every 1 to {LONGEST_PHASE} days.")
    if phase.within_days is not None:
        if not 1 <= phase.within_days <= LONGEST_PHASE:
            _refuse(f"Sessions lie within 1 to {LONGEST_PHASE} days.")
        if phase.within_days < phase.sessions:
            _refuse(
                f"{phase.sessions} sessions do not fit within {_count(phase.within_days, 'day')}:"
                " there is at most one a day."
            )
    if phase.at_least_days is not None:
        if phase.within_days is None or phase.sessions == 1:
            _refuse("at_least_days goes with within_days, from the first session to the last.")
        if not 1 <= phase.at_least_days <= phase.within_days:
            _refuse(f"at_least_days is from 1 to the {phase.within_days} that it lies within.")


def _check_per_week(pace: float) -> None:
    if _window(pace) is None:
        _refuse(
            "per_week is a whole number from 1 to 7, or one session in some weeks:"
            " 0.5 is every 2 weeks, 0.25 every 4 weeks; or some in 2 to 4 weeks: 1.5 is 3 in 2."
        )


def _window(pace: float) -> tuple[int, int] | None:
    """The smallest numbers of sessions and weeks that give this pace; None if there are none."""
    if not 0 < pace <= 7:
        return None
    for apart in range(1, MOST_WEEKS_APART + 1):
        sessions = round(pace * apart)
        few = sessions == 1 or apart <= MOST_WEEKS_TOGETHER
        # People write two digits, so 0.33 means a third.
        if sessions and few and abs(pace - sessions / apart) < (0.0035 if apart > 1 else 1e-9):
            return sessions, apart
    return None


def _check_weekdays(phase: Phase) -> None:
    if not phase.weekdays:
        return
    named = join([WEEKDAY_NAMES[day] for day in phase.weekdays], "and")
    sessions, apart = phase.window
    if phase.per_week is not None and min(sessions, phase.sessions) > apart * len(phase.weekdays):
        _refuse(f"{phase.per_week:g} sessions a week cannot all be on {named}.")
    if phase.every_days is not None and not _stride_fits(phase):
        _refuse(f"A session every {_count(phase.every_days, 'day')} cannot stay on {named}.")
    if phase.within_days is not None and _most_days(phase) < phase.sessions:
        _refuse(
            f"{phase.sessions} sessions on {named} do not fit within"
            f" {_count(phase.within_days, 'day')}."
        )


def _stride_fits(phase: Phase) -> bool:
    """Whether every session can be on a named weekday if it waits for at most a weekend."""
    stride, named = phase.every_days or 0, set(phase.weekdays)
    on = named
    for _session in range(phase.sessions - 1):
        waits = {day: wait_for(phase.weekdays, day + stride) for day in on}
        on = {(day + stride + wait) % 7 for day, wait in waits.items() if wait <= MOST_WAIT}
    return bool(on & named)


def wait_for(weekdays: Sequence[int], weekday: int) -> int:
    """Days from a weekday (may exceed 6) to the next one in `weekdays`; 0 if that is empty."""
    if not weekdays:
        return 0
    return min((named - weekday) % 7 for named in weekdays)


def _cap(value: object) -> Cap:
    if not isinstance(value, dict) or value.keys() != {"sessions", "days"}:
        _refuse("A cap says sessions and days.")
    cap = Cap(_whole(value["sessions"], "sessions"), _whole(value["days"], "days"))
    if not 1 <= cap.sessions <= MAX_COURSE_SESSIONS or not 1 <= cap.days <= LONGEST_PHASE:
        _refuse(f"A cap is 1 to {MAX_COURSE_SESSIONS} sessions in 1 to {LONGEST_PHASE} days.")
    return cap


def _list(value: object, name: str) -> Sequence[object]:
    if not isinstance(value or [], list | tuple):
        _refuse(f"The {name} of a phase are a list.")
    return value or []  # type: ignore[return-value]  # checked above


def _check_anchor(phase: Phase) -> None:
    for days in (phase.from_day, phase.to_day):
        if days is not None and not -LONGEST_PHASE <= days <= LONGEST_PHASE:
            _refuse(f"from_day and to_day are from -{LONGEST_PHASE} to {LONGEST_PHASE}.")
    if phase.repeat > 1 and phase.anchored:
        _refuse("A phase by a date is not repeated: write it once for each time.")
    if phase.from_day is not None and phase.to_day is not None:
        days = phase.to_day - phase.from_day + 1
        if days < block(phase)[1] + 1:
            _refuse(
                f"{_count(phase.sessions, 'session')} at this pace do not fit from day"
                f" {phase.from_day} to day {phase.to_day}."
            )


def _most_days(phase: Phase) -> int:
    """The most named weekdays that fit into `within_days`."""
    days = range(phase.within_days or 0)
    return max(sum((start + day) % 7 in phase.weekdays for day in days) for start in range(7))


def block(phase: Phase) -> tuple[int, int]:
    """Days that a phase takes, and days from its first to its last session."""
    if phase.every_days is not None:
        last = max(_walk(phase, start) for start in phase.weekdays or (0,))
        return last + 1, last
    if phase.within_days is not None:
        return phase.within_days, phase.within_days - 1
    sessions, apart = phase.window
    full, rest = divmod(phase.sessions - 1, sessions)
    length = 7 * apart
    return length * (full + 1), length * full + rest * length // sessions


def _walk(phase: Phase, weekday: int) -> int:
    """Days from the first to the last session of an `every_days` phase that starts on a weekday."""
    days, stride = 0, phase.every_days or 1
    for _session in range(phase.sessions - 1):
        days += stride + wait_for(phase.weekdays, weekday + days + stride)
    return days


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _plain(pace: float) -> float | int:
    return int(pace) if pace == int(pace) else pace


def _whole(value: object, name: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(f"The {name} of a phase is a whole number.")
    return value


def _whole_or_none(value: object, name: str) -> int | None:
    return None if value is None else _whole(value, name)


def _day(value: object, name: str) -> date:
    if isinstance(value, date):
        return value
    try:
        return (
            date.fromisoformat(value) if isinstance(value, str) else _refuse(f"{name} is a date.")
        )
    except ValueError:
        _refuse(f"{name} is a date.")


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse("per_week is a number.")
    return value


def _refuse(sentence: str) -> NoReturn:
    raise Invalid(sentence, field="phases")
