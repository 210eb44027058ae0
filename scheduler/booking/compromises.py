"""Wishes, and the words for where a plan does not keep them or its pace. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from scheduler.booking import locks
from scheduler.booking.paces import (
    Departure,
    departures,
    on,
    opens,
    parts,
    week_of,
    weeks_in_words,
)
from scheduler.clinic.phases import WEEKDAY_NAMES, Cap, Phase, join
from scheduler.intervals import Minute


class Opening(NamedTuple):
    """A free start on a local day, `minute` of that day by the wall clock."""

    day: date
    minute: int
    starts_at: Minute
    practitioner_id: int
    room_id: int


class Wishes(NamedTuple):
    """What the patient would like. No weekdays means any; `between` is half-open, for the start.

    `strict`: which of them nothing may miss, among practitioner, weekdays and hours.
    """

    start_on: date
    weekdays: frozenset[int] = frozenset()
    between: tuple[int, int] | None = None
    practitioner_id: int | None = None
    strict: frozenset[str] = frozenset()

    @property
    def only_weekdays(self) -> frozenset[int]:
        """The weekdays that a session must be on; none: any."""
        return self.weekdays if "weekdays" in self.strict else frozenset()

    def allow(self, opening: Opening) -> bool:
        """Whether an opening misses none of the strict wishes."""
        met = {
            "weekdays": self.day_met(opening.day),
            "hours": self.time_met(opening),
            "practitioner": self.person_met(opening),
        }
        return all(met[each] for each in self.strict)

    def missed_by(self, opening: Opening) -> int:
        """How many of the three wishes, weekday, hours and practitioner, an opening misses."""
        met = (self.day_met(opening.day), self.time_met(opening), self.person_met(opening))
        return met.count(False)

    def day_met(self, day: date) -> bool:
        return not self.weekdays or day.weekday() in self.weekdays

    def time_met(self, opening: Opening) -> bool:
        return self.between is None or self.between[0] <= opening.minute < self.between[1]

    def person_met(self, opening: Opening) -> bool:
        return self.practitioner_id in {None, opening.practitioner_id}


class Compromise(NamedTuple):
    """Where a plan is not what pace and wishes ask for, as a sentence for the patient.

    Kinds: late, short, gap (slower than the pace); cap (as many as there may be for now); weekday,
    hours, practitioner (the wishes).
    """

    kind: str
    session_numbers: tuple[int, ...]
    sentence: str


Offers = Mapping[int, Sequence[Opening]]
"""All openings by the ordinal of their day."""

_Numbered = Sequence[tuple[int, Opening]]
"""Sessions, each with its number in the course."""


def name(
    phases: Sequence[Phase],
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
    *,
    kept: int = 0,
) -> tuple[Compromise, ...]:
    """All compromises of a course, by session: first of its pace, then of its wishes.

    The first `kept` sessions stood before it was planned: nothing is said of them.
    """
    planned = list(enumerate(chosen, start=1))[kept:]
    found = [
        *([] if kept else _late_start(phases, chosen[0].day.toordinal(), offers, wishes)),
        *_locked(phases, chosen, wishes, kept),
        *_slower(phases, chosen, offers, kept),
        *_weekdays(phases, planned, chosen, offers, wishes),
        *_hours(planned, offers, wishes),
        *_practitioners(planned, offers, wishes),
    ]
    return tuple(sorted(found, key=lambda compromise: compromise.session_numbers[0]))


def _locked(
    phases: Sequence[Phase], chosen: Sequence[Opening], wishes: Wishes, kept: int
) -> Iterator[Compromise]:
    caps = locks.of(phases)
    if not kept and (since := caps.until(caps.before)) > wishes.start_on.toordinal():
        yield _waits(1, since, caps.why(caps.before))
    for part in parts(phases, [opening.day.toordinal() for opening in chosen]):
        number = part.numbered[0][0]
        if part.cap and number > kept:
            yield _waits(number, part.soonest or 0, part.cap)


def _waits(number: int, since: int, cap: Cap) -> Compromise:
    limit = f"at most {cap.sessions} sessions in {cap.days} days"
    return Compromise("cap", (number,), f"Session {number} is not before {on(since)}: {limit}.")


def _late_start(
    phases: Sequence[Phase], first: int, offers: Offers, wishes: Wishes
) -> Iterator[Compromise]:
    caps = locks.of(phases)
    start = opens(phases[0], max(wishes.start_on.toordinal(), caps.until(caps.before)))
    if weeks := (first - start) // 7:
        days = range(start, start + 7 * weeks)
        what = f"The course starts {weeks_in_words(weeks)} later"
        yield Compromise("late", (1,), f"{what}: {_why(days, offers)}.")


def _slower(
    phases: Sequence[Phase], chosen: Sequence[Opening], offers: Offers, kept: int
) -> Iterator[Compromise]:
    days = [opening.day.toordinal() for opening in chosen]
    for departure in departures(phases, days):
        if departure.due and departure.number > kept:
            weekdays = _phase_of(phases, departure.number).weekdays
            why = _why_slower(departure, departure.due, weekdays, days, offers)
            sentence = f"{departure.what}: {why}."
            yield Compromise(departure.kind, (departure.number,), sentence)


def _why_slower(
    departure: Departure,
    due: tuple[int, int],
    weekdays: tuple[int, ...],
    taken: Sequence[int],
    offers: Offers,
) -> str:
    days = range(due[0], due[1] + 1)
    if departure.kind != "short":
        return _why(days, offers, weekdays)
    others = [day for day in days if day not in taken]
    return (
        "no other day that fits is free"
        if _any(others, offers, weekdays)
        else "no other day is free"
    )


def _why(days: range, offers: Offers, weekdays: tuple[int, ...] = ()) -> str:
    """Why nothing is on these days, which is not said to be full when it is not."""
    nothing = "nothing that fits the course" if _any(days, offers, weekdays) else "nothing"
    if len(days) == 1:
        return f"{nothing} is free on {on(days[0])}"
    if len(days) % 7 == 0:
        return f"{nothing} is free in {week_of(days[0], len(days))}"
    return f"{nothing} is free from {on(days[0])} to {on(days[-1])}"


def _any(days: Sequence[int], offers: Offers, weekdays: tuple[int, ...]) -> bool:
    return any(
        day in offers and (not weekdays or date.fromordinal(day).weekday() in weekdays)
        for day in days
    )


def _weekdays(
    phases: Sequence[Phase],
    planned: _Numbered,
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
) -> Iterator[Compromise]:
    reasons: dict[str, list[tuple[int, Opening]]] = {}
    for number, opening in planned:
        if not wishes.day_met(opening.day):
            fixed = _phase_of(phases, number).weekdays
            why = _why_that_weekday(opening, fixed, chosen, offers, wishes)
            reasons.setdefault(why, []).append((number, opening))
    for why, missed in reasons.items():
        numbers = tuple(number for number, _ in missed)
        weekdays = {opening.day.weekday() for _, opening in missed}
        there = f"on a {WEEKDAY_NAMES[weekdays.pop()]}" if len(weekdays) == 1 else "on other days"
        yield Compromise("weekday", numbers, f"{_sessions(numbers)} {there}: {why}.")


def _why_that_weekday(
    opening: Opening,
    fixed: Sequence[int],
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
) -> str:
    wished = join([WEEKDAY_NAMES[day] for day in sorted(wishes.weekdays)], "or")
    if fixed and not wishes.weekdays.intersection(fixed):
        named = join([WEEKDAY_NAMES[day] for day in fixed], "and")
        return f"this part of the course is on {named}"
    monday = opening.day.toordinal() - opening.day.weekday()
    taken = {other.day.toordinal() for other in chosen}
    others = {monday + weekday for weekday in wishes.weekdays} - taken
    if not others:
        return f"the pace needs more days a week than {wished}"
    if any(not wishes.missed_by(offer) for day in others for offer in offers.get(day, ())):
        return f"the pace could not be kept on a {wished} that week"
    limits = wishes.between or wishes.practitioner_id is not None
    other = "other " if len(others) < len(wishes.weekdays) else ""
    return f"no {other}{wished} that week is free{' as you wished' if limits else ''}"


def _hours(planned: _Numbered, offers: Offers, wishes: Wishes) -> Iterator[Compromise]:
    if wishes.between is None:
        return
    missed = [(n, each) for n, each in planned if not wishes.time_met(each)]
    if not missed:
        return
    numbers = tuple(number for number, _ in missed)
    start, end = (f"{minute // 60}:{minute % 60:02}" for minute in wishes.between)
    free = any(
        wishes.time_met(offer) for _, each in missed for offer in offers[each.day.toordinal()]
    )
    as_wished = " as you wished" if free else ""
    yield Compromise(
        "hours",
        numbers,
        f"{_sessions(numbers)} not between {start} and {end}:"
        f" nothing then is free{as_wished} on {_that_day(numbers)}.",
    )


def _practitioners(planned: _Numbered, offers: Offers, wishes: Wishes) -> Iterator[Compromise]:
    missed = [(n, each) for n, each in planned if not wishes.person_met(each)]
    if not missed:
        return
    numbers = tuple(number for number, _ in missed)
    free = any(
        wishes.person_met(offer) for _, each in missed for offer in offers[each.day.toordinal()]
    )
    as_wished = " at the hours you wished" if free else ""
    yield Compromise(
        "practitioner",
        numbers,
        f"{_sessions(numbers)} with another practitioner:"
        f" the one you asked for is not free{as_wished} on {_that_day(numbers)}.",
    )


def _phase_of(phases: Sequence[Phase], number: int) -> Phase:
    for phase in phases:
        if number <= phase.sessions:
            return phase
        number -= phase.sessions
    raise IndexError(number)


def _sessions(numbers: Sequence[int]) -> str:
    """ "Sessions 2, 4 and 7 to 12 are", as the first words of a sentence."""
    if len(numbers) == 1:
        return f"Session {numbers[0]} is"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [
        word
        for run in runs
        for word in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(each) for each in run])
    ]
    return f"Sessions {join(words, 'and')} are"


def _that_day(numbers: Sequence[int]) -> str:
    return "that day" if len(numbers) == 1 else "those days"
