"""What a pace means: on which days the next session may lie, and what a list of dates breaks. Pure.

Days are ordinals (`date.toordinal`). What a course may lose against its pace is bounded here:
a start or a later phase up to LATE_WEEKS late, as many weeks left out in one place, and a gap of
days stretched by up to LATE_DAYS.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from scheduler.booking.pace import session_caps
from scheduler.clinic.phases import Cap, Phase, wait_for
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import ngettext

LATE_WEEKS = 4
LATE_DAYS = 8


class DayRange(NamedTuple):
    """Days, first and last included, that the next session may lie on.

    `lost` is by how many days that makes the course later than its pace, `empty` how many places
    it leaves empty in weeks gone by. `anchor` and `filled` are what must be remembered from then
    on; an anchor of None is the one of a phase just begun.
    """

    first: int
    last: int
    lost: int
    empty: int
    anchor: int | None
    filled: int


@dataclass(frozen=True, slots=True)
class Windows:
    """`per` sessions in each window of `length` days, counted from the first session.

    A window is full before the next begins. Where that cannot be, places are left empty, and the
    course is later by each whole window that it then takes more. Anchor: the first day after the
    current window.
    """

    per: int
    length: int

    @property
    def ideal(self) -> Fraction:
        return Fraction(self.length, self.per)

    def begin(self, day: int) -> int:
        return day + self.length

    def memory(self, own: Sequence[int]) -> tuple[int, int]:
        window = (own[-1] - own[0]) // self.length
        start = own[0] + self.length * window
        return start + self.length, min(self.per, sum(day >= start for day in own))

    def stretches(
        self, anchor: int, day: int, filled: int, left: int, patience: int = 0
    ) -> Iterator[DayRange]:
        if filled < self.per:
            yield DayRange(day + 1, anchor - 1, 0, 0, anchor, filled + 1)
        # The fewest windows that still had to follow, and that have to follow one with this one.
        needed = self._windows(left - (self.per - filled))
        more = 1 + self._windows(left - self.per) - needed
        for skipped in range(max(1, 7 * LATE_WEEKS // self.length) + 1 + patience // self.length):
            start = anchor + self.length * skipped
            end = start + self.length
            empty = self.per - filled + self.per * skipped
            yield DayRange(start, end - 1, self.length * (skipped + more), empty, end, 1)

    def next_from(self, anchor: int, _day: int) -> int:
        return anchor

    def _windows(self, sessions: int) -> int:
        return -(-max(0, sessions) // self.per)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Exactly `days` from one session to the next; each day more holds the course up by a day.

    Where the phase has weekdays, the next of them is meant: waiting for it holds nothing up.
    """

    days: int
    weekdays: tuple[int, ...] = ()

    @property
    def ideal(self) -> Fraction:
        return Fraction(self.days)

    def begin(self, _day: int) -> int:
        return 0

    def memory(self, _own: Sequence[int]) -> tuple[int, int]:
        return 0, 1

    def stretches(
        self, _anchor: int, day: int, _filled: int, _left: int, patience: int = 0
    ) -> Iterator[DayRange]:
        due = self.due(day)
        for more in range(LATE_DAYS + 1 + patience):
            yield DayRange(due + more, due + more, more, 0, 0, 1)

    def due(self, day: int) -> int:
        """When the session after one on this day should be."""
        soonest = day + self.days
        return soonest + wait_for(self.weekdays, date.fromordinal(soonest).weekday())

    def next_from(self, _anchor: int, day: int) -> int:
        return day + self.days


@dataclass(frozen=True, slots=True)
class Within:
    """`sessions` from first to last inside `days`, and not inside fewer than `least`.

    Each day that the last one is beyond them holds the course up by a day. Anchor: the last day
    that still counts.
    """

    sessions: int
    days: int
    least: int = 1

    @property
    def ideal(self) -> Fraction:
        return Fraction(self.days - 1, max(1, self.sessions - 1))

    def begin(self, day: int) -> int:
        return day + self.days - 1

    def memory(self, own: Sequence[int]) -> tuple[int, int]:
        return self.begin(own[0]), 1

    def stretches(
        self, anchor: int, day: int, _filled: int, left: int, patience: int = 0
    ) -> Iterator[DayRange]:
        # The soonest that the rest can be over, after this day and after each later one.
        over = max(0, day + left - anchor)
        on_time = max(day + 1, anchor - left + 1)
        soonest = anchor - self.days + self.least if left == 1 else 0
        yield DayRange(max(day + 1, soonest), on_time, 0, 0, anchor, 1)
        for more in range(1, 7 * LATE_WEEKS + patience - over + 1):
            yield DayRange(on_time + more, on_time + more, more, 0, anchor, 1)

    def next_from(self, _anchor: int, day: int) -> int:
        return day + max(1, int(self.ideal))


Pace = Windows | Gaps | Within


def pace_of(phase: Phase) -> Pace:
    """The rule behind the pace of a phase."""
    if phase.every_days is not None:
        return Gaps(phase.every_days, phase.weekdays)
    if phase.within_days is not None:
        return Within(phase.sessions, phase.within_days, phase.at_least_days or 1)
    sessions, weeks = phase.window
    return Windows(sessions, 7 * weeks)


def opens(phase: Phase, soonest: int) -> int:
    """The first day that a phase can have, which would otherwise begin on `soonest`."""
    return max(soonest, phase.first_day.toordinal()) if phase.first_day else soonest


def entries(earliest: int, patience: int = 0) -> Iterator[DayRange]:
    """When a phase may begin: within a week of the earliest day, else some whole weeks late.

    `patience`: by how many days more than usual it may be late.
    """
    for late in range(LATE_WEEKS + 1 + patience // 7):
        start = earliest + 7 * late
        yield DayRange(start, start + 6, 7 * late, 0, None, 1)


def soonest_in(pace: Pace, anchor: int, day: int, filled: int, left: int) -> int:
    """The first day on which a phase can go on after a session on this one."""
    return next(pace.stretches(anchor, day, filled, left)).first


class PaceViolation(NamedTuple):
    """One way in which dates leave the pace, at one session.

    `what` is a clause without its full stop. Where the course is slower than its pace, `due` are
    the first and last day on which something should have been.
    """

    kind: str
    number: int
    what: str
    due: tuple[int, int] | None = None


def breaks(phases: Sequence[Phase], days: Sequence[date]) -> list[str]:
    """What a list of dates, in any order, breaks of the pace: a sentence for each, in order.

    Sessions are numbered by date. Fewer dates than the phases have sessions are judged as far as
    they go; more are one break. Optional phases count only if their sessions are there: pass the
    phases that are meant.
    """
    return [
        f"{violation.what}."
        for violation in violations(phases, sorted(day.toordinal() for day in days))
    ]


def violations(phases: Sequence[Phase], days: Sequence[int]) -> list[PaceViolation]:
    """Where ordinals in ascending order are faster or slower than the pace, or off its weekdays."""
    found = [
        PaceViolation(
            "same_day",
            number,
            _("Sessions %(before)s and %(number)s are both on %(day)s")
            % {"before": number - 1, "number": number, "day": on(day)},
        )
        for number, (before, day) in enumerate(pairwise(days), start=2)
        if before == day
    ]
    for part in pace_segments(phases, days):
        pace = pace_of(part.phase)
        if part.soonest is not None:
            found += _entry(*part.numbered[0], part.soonest)
        found += _off_weekdays(part.phase, part.numbered)
        found += _off_anchor(part.phase, part.numbered, judged=part.soonest is not None)
        if isinstance(pace, Windows):
            found += _in_windows(pace, part.numbered)
        elif isinstance(pace, Gaps):
            found += _in_gaps(pace, part.numbered)
        else:
            found += _in_span(pace, part.numbered)
    start = sum(phase.sessions for phase in phases)
    if start < len(days):
        what = _("The course has no session %(number)s") % {"number": start + 1}
        found.append(PaceViolation("too_many", start + 1, what))
    return sorted(found, key=lambda departure: departure.number)


class PaceSegment(NamedTuple):
    """Sessions of a phase that are judged together, as (number, day), and when they may begin.

    A phase is one part, but where a cap has made it wait: there its pace begins anew. `cap` is
    that one; `soonest` is None for the first part of all, which may begin when it likes.
    """

    phase: Phase
    numbered: list[tuple[int, int]]
    soonest: int | None
    cap: Cap | None = None


def pace_segments(phases: Sequence[Phase], days: Sequence[int]) -> list[PaceSegment]:
    """The parts of a course whose sessions are on these days, in ascending order."""
    caps = session_caps.of(phases)
    found: list[PaceSegment] = []
    number, periods = 0, caps.before
    for phase in phases:
        own: list[tuple[int, int]] = []
        for place, day in enumerate(days[number : number + phase.sessions]):
            number += 1
            locked = caps.until(periods)
            soonest = _soonest(phase, phase.sessions - place, own, found)
            # The first of all is not judged for being late: only for not having waited.
            waits = locked > (day if soonest is None else soonest)
            if not own or waits:
                own = []
                cap = caps.why(periods) if waits else None
                found.append(PaceSegment(phase, own, locked if waits else soonest, cap))
            own.append((number, day))
            periods = caps.after(periods, day)
    return found


def _soonest(
    phase: Phase, left: int, own: Sequence[tuple[int, int]], before: Sequence[PaceSegment]
) -> int | None:
    """When the next session of a phase may be, from its own so far or from the part before."""
    if own:
        pace = pace_of(phase)
        anchor, filled = pace.memory([day for number, day in own])
        return soonest_in(pace, anchor, own[-1][1], filled, left)
    if not before:
        return None
    earlier = [day for number, day in before[-1].numbered]
    last = pace_of(before[-1].phase)
    free_from = last.next_from(last.memory(earlier)[0], earlier[-1])
    return opens(phase, max(free_from, earlier[-1] + 1 + phase.rest_days))


def on(day: int) -> str:
    """8 March."""
    return translation.format_day(date.fromordinal(day))


def week_of(day: int, length: int = 7) -> str:
    """ "the week of 8 March", or "the 4 weeks from 8 March"."""
    if length == 7:
        return _("the week of %(day)s") % {"day": on(day)}
    return _("the %(weeks)s weeks from %(day)s") % {"weeks": length // 7, "day": on(day)}


def weeks_in_words(number: int) -> str:
    return _("a week") if number == 1 else translation.weeks(number)


def _entry(number: int, day: int, soonest: int) -> list[PaceViolation]:
    if day < soonest:
        what = _("Session %(number)s on %(day)s is too soon: it should not be before %(soonest)s")
        what %= {"number": number, "day": on(day), "soonest": on(soonest)}
        return [PaceViolation("too_soon", number, what)]
    late = (day - soonest) // 7
    if not late:
        return []
    what = _late(number, late)
    return [PaceViolation("late", number, what, (soonest, soonest + 7 * late - 1))]


def _off_weekdays(phase: Phase, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    if not phase.weekdays:
        return
    names = translation.weekday_names()
    named = translation.join([names[day] for day in phase.weekdays], either=True)
    for number, day in numbered:
        weekday = date.fromordinal(day).weekday()
        if weekday not in phase.weekdays:
            what = _("Session %(number)s is on a %(weekday)s: it should be on %(named)s")
            what %= {"number": number, "weekday": names[weekday], "named": named}
            yield PaceViolation("weekday", number, what)


def _off_anchor(
    phase: Phase, numbered: list[tuple[int, int]], *, judged: bool
) -> Iterator[PaceViolation]:
    """Sessions before or after the days of a phase by a date. `judged`: its first one is."""
    first, last = phase.first_day, phase.last_day
    for number, day in numbered[judged:]:
        if first and day < first.toordinal():
            what = _("Session %(number)s on %(day)s is too soon: this part begins on %(first)s")
            what %= {"number": number, "day": on(day), "first": on(first.toordinal())}
            yield PaceViolation("too_soon", number, what)
    for number, day in numbered:
        if last and day > last.toordinal():
            what = _("Session %(number)s on %(day)s is too late: this part ends on %(last)s")
            what %= {"number": number, "day": on(day), "last": on(last.toordinal())}
            yield PaceViolation("too_late", number, what)


def _in_windows(pace: Windows, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    first = numbered[0][1]
    last_window = (numbered[-1][1] - first) // pace.length
    seen = 0
    skipped = 0
    for window in range(last_window + 1):
        start = first + pace.length * window
        count = sum(start <= day < start + pace.length for number, day in numbered)
        due, number = (start, start + pace.length - 1), numbered[0][0] + seen
        if count and skipped:
            what = _late(number, skipped * pace.length // 7)
            since = start - pace.length * skipped
            yield PaceViolation("late", number, what, (since, start - 1))
        if count > pace.per:
            what = _("%(count)s sessions are in %(weeks)s: there should be %(wanted)s")
            weeks = week_of(start, pace.length)
            what %= {"count": count, "weeks": weeks, "wanted": pace.per}
            yield PaceViolation("too_fast", number + pace.per, what)
        elif 0 < count < pace.per and window < last_window:
            what = ngettext(
                "Only %(count)s of %(wanted)s sessions is in %(weeks)s",
                "Only %(count)s of %(wanted)s sessions are in %(weeks)s",
                count,
            )
            weeks = week_of(start, pace.length)
            what %= {"count": count, "weeks": weeks, "wanted": pace.per}
            yield PaceViolation("short", number + count, what, due)
        skipped = 0 if count else skipped + 1
        seen += count


def _in_gaps(pace: Gaps, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    for earlier, (number, day) in pairwise(numbered):
        before = earlier[1]
        gap, due = day - before, pace.due(before)
        if 0 < gap < pace.days:
            yield PaceViolation("too_fast", number, _gap_in_words(number, gap, pace.days))
        elif day > due:
            what = _gap_in_words(number, gap, due - before)
            yield PaceViolation("gap", number, what, (due, day - 1))


def _in_span(pace: Within, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    first = numbered[0][1]
    last = pace.begin(first)
    for number, day in numbered:
        if day > last:
            what = _("Session %(number)s on %(day)s is after the %(days)s of this part")
            what %= {"number": number, "day": on(day), "days": translation.days(pace.days)}
            yield PaceViolation("late", number, what, (first, last))
    # The last session may still be to come: then nothing can be said of the whole.
    span = numbered[-1][1] - first + 1
    if len(numbered) == pace.sessions and span < pace.least:
        what = _("The last %(sessions)s sessions lie within %(days)s instead of %(least)s")
        what %= {"sessions": pace.sessions, "days": translation.days(span), "least": pace.least}
        yield PaceViolation("too_fast", numbered[-1][0], what)


def _late(number: int, weeks: int) -> str:
    return _("Session %(number)s is %(weeks)s later") % {
        "number": number,
        "weeks": weeks_in_words(weeks),
    }


def _gap_in_words(number: int, gap: int, instead: int) -> str:
    what = _("Session %(number)s is %(days)s after session %(before)s instead of %(instead)s")
    return what % {
        "number": number,
        "days": translation.days(gap),
        "before": number - 1,
        "instead": instead,
    }
