"""A phase: a stretch of a treatment with one pace, counted in days and weeks. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Any, NoReturn

from scheduler.errors import Unfit

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_SESSIONS = 60
MOST_DAYS = 366
MOST_WEEKS_APART = 12
_PACES = ("per_week", "every_days", "within_days")
_KEYS = {"sessions", *_PACES, "rest_days", "weekdays", "optional"}


@dataclass(frozen=True, slots=True)
class Phase:
    """A number of sessions at exactly one pace. One that cannot be met is refused with Unfit.

    `per_week` is 1 to 7, or one session in so many weeks: 0.5 is fortnightly, 0.25 every 4 weeks.
    `weekdays` count from 0, Monday; none given means any.
    """

    sessions: int
    per_week: float | None = None
    every_days: int | None = None
    within_days: int | None = None
    rest_days: int = 0
    weekdays: tuple[int, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check_pace(self)
        _check_weekdays(self)

    @property
    def weeks_apart(self) -> int | None:
        """2 for a fortnightly pace, 4 for every 4 weeks; None where it is weekly or faster."""
        if self.per_week is None or self.per_week >= 1:
            return None
        return round(1 / self.per_week)


def from_json(value: object) -> Phase:
    """A phase from its JSON shape; anything unknown or of the wrong kind raises Unfit."""
    if not isinstance(value, dict):
        _refuse("A phase is an object with sessions and a pace.")
    if strange := sorted(str(key) for key in value.keys() - _KEYS):
        _refuse(f"A phase has no {strange[0]!r}.")
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
    )


def to_json(phase: Phase) -> dict[str, Any]:
    """The JSON shape of a phase: only the pace it has, weekdays by their short names."""
    paces = ((name, getattr(phase, name)) for name in _PACES)
    return {
        "sessions": phase.sessions,
        **{name: _plain(pace) for name, pace in paces if pace is not None},
        "rest_days": phase.rest_days,
        "weekdays": [WEEKDAYS[day] for day in phase.weekdays],
        "optional": phase.optional,
    }


def weeks(phases: list[Phase]) -> int:
    """How many weeks a course takes at its pace, without what only a review may add."""
    return ceil(_extent(phases)[0] / 7)


def days(phases: list[Phase]) -> int:
    """Days from the first to the last session at its pace, both counted; optional ones left out."""
    return _extent(phases)[1] + 1


def _extent(phases: list[Phase]) -> tuple[int, int]:
    """Days until the course is over, and until its last session, from its first."""
    end = free_from = last = 0
    for number, phase in enumerate(phase for phase in phases if not phase.optional):
        start = max(free_from, last + 1 + phase.rest_days) if number else 0
        block, last_offset = _block(phase)
        end, last = start + block, start + last_offset
        # Sessions by days, not by weeks, are over with the last one; the next waits out its gap.
        free_from = last + phase.every_days if phase.every_days else end
    return end, last


def describe(phase: Phase) -> str:
    """The pace in plain words: "2 a week for 3 weeks"."""
    words = _pace_in_words(phase)
    if phase.weekdays:
        words += f", on {join([WEEKDAY_NAMES[day] for day in phase.weekdays], 'and')}"
    if phase.rest_days:
        words += f", after {_count(phase.rest_days, 'day')} of rest"
    return f"{words}, if the review says so" if phase.optional else words


def join(words: list[str], last: str) -> str:
    """'a, b and c' out of a list; `last` is the word before the last one."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _check_numbers(phase: Phase) -> None:
    if not 1 <= phase.sessions <= MOST_SESSIONS:
        _refuse(f"A phase has 1 to {MOST_SESSIONS} sessions.")
    if not 0 <= phase.rest_days <= MOST_DAYS:
        _refuse(f"A phase comes after 0 to {MOST_DAYS} days of rest.")
    if any(not 0 <= day <= 6 for day in phase.weekdays):
        _refuse("Weekdays run from 0, Monday, to 6, Sunday.")
    if len(set(phase.weekdays)) != len(phase.weekdays):
        _refuse("A phase names each weekday once.")


def _check_pace(phase: Phase) -> None:
    given = [name for name in _PACES if getattr(phase, name) is not None]
    if len(given) != 1:
        _refuse("A phase has exactly one pace: per_week, every_days or within_days.")
    if phase.per_week is not None:
        _check_per_week(phase.per_week)
    if phase.every_days is not None and not 1 <= phase.every_days <= MOST_DAYS:
        _refuse(f"Sessions come every 1 to {MOST_DAYS} days.")
    if phase.within_days is not None:
        if not 1 <= phase.within_days <= MOST_DAYS:
            _refuse(f"Sessions lie within 1 to {MOST_DAYS} days.")
        if phase.within_days < phase.sessions:
            _refuse(
                f"{phase.sessions} sessions do not fit within {_count(phase.within_days, 'day')}:"
                " there is at most one a day."
            )


def _check_per_week(pace: float) -> None:
    whole = pace in range(1, 8)
    # 0.33 is as good as a third: people write two digits.
    rare = 0 < pace < 1 and any(
        abs(pace - 1 / apart) < 0.0035 for apart in range(2, MOST_WEEKS_APART + 1)
    )
    if not whole and not rare:
        _refuse(
            "per_week is a whole number from 1 to 7, or one session in some weeks:"
            " 0.5 is every 2 weeks, 0.25 every 4 weeks."
        )


def _check_weekdays(phase: Phase) -> None:
    if not phase.weekdays:
        return
    named = join([WEEKDAY_NAMES[day] for day in phase.weekdays], "and")
    if phase.per_week is not None and min(phase.per_week, phase.sessions) > len(phase.weekdays):
        _refuse(f"{phase.per_week:g} sessions a week cannot all be on {named}.")
    if phase.every_days is not None and not _stride_fits(phase):
        _refuse(f"A session every {_count(phase.every_days, 'day')} cannot stay on {named}.")
    if phase.within_days is not None and _most_days(phase) < phase.sessions:
        _refuse(
            f"{phase.sessions} sessions on {named} do not fit within"
            f" {_count(phase.within_days, 'day')}."
        )


def _stride_fits(phase: Phase) -> bool:
    """Whether gaps of the pace, or of one day more, can lead from one named weekday to the next."""
    stride, named = phase.every_days or 0, set(phase.weekdays)
    on = named
    for _ in range(phase.sessions - 1):
        on = {(day + stride + more) % 7 for day in on for more in (0, 1)} & named
    return bool(on)


def _most_days(phase: Phase) -> int:
    """The most days on the named weekdays that a stretch of `within_days` can hold."""
    days = range(phase.within_days or 0)
    return max(sum((start + day) % 7 in phase.weekdays for day in days) for start in range(7))


def _block(phase: Phase) -> tuple[int, int]:
    """Days that a phase takes, and how many days after its first session its last one lies."""
    if phase.every_days is not None:
        last = (phase.sessions - 1) * phase.every_days
        return last + 1, last
    if phase.within_days is not None:
        return phase.within_days, phase.within_days - 1
    if phase.weeks_apart:
        length = 7 * phase.weeks_apart
        return length * phase.sessions, length * (phase.sessions - 1)
    a_week = int(phase.per_week or 1)
    full, rest = divmod(phase.sessions - 1, a_week)
    return 7 * (full + 1), 7 * full + rest * 7 // a_week


def _pace_in_words(phase: Phase) -> str:
    if phase.sessions == 1:
        return "1 session"
    if phase.every_days is not None:
        usual = {1: "every day", 2: "every other day"}
        gap = usual.get(phase.every_days, f"every {phase.every_days} days")
        return f"{gap}, {phase.sessions} times"
    if phase.within_days is not None:
        whole, rest = divmod(phase.within_days, 7)
        span = _count(phase.within_days, "day") if rest else _count(whole, "week")
        return f"{phase.sessions} within {span}"
    over = _count(_block(phase)[0] // 7, "week")
    if phase.weeks_apart:
        return f"once every {phase.weeks_apart} weeks for {over}"
    a_week = int(phase.per_week or 1)
    if phase.sessions % a_week:
        return f"{phase.sessions} over {over}, at most {a_week} a week"
    return f"{'once' if a_week == 1 else a_week} a week for {over}"


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


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse("per_week is a number.")
    return value


def _refuse(sentence: str) -> NoReturn:
    raise Unfit(sentence, field="phases")
