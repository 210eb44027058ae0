"""Wishes, and the words for where a plan does not keep them or its pace. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from scheduler.booking.pace import session_caps
from scheduler.booking.pace.pace import (
    PaceViolation,
    on,
    opens,
    pace_segments,
    violations,
    week_of,
    weeks_in_words,
)
from scheduler.clinic.hours import DAY
from scheduler.clinic.phases import Cap, Phase
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.intervals import Minute


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
    caps = session_caps.of(phases)
    if not kept and (since := caps.until(caps.before)) > wishes.start_on.toordinal():
        yield _waits(1, since, caps.why(caps.before))
    for part in pace_segments(phases, [opening.day.toordinal() for opening in chosen]):
        number = part.numbered[0][0]
        if part.cap and number > kept:
            yield _waits(number, part.soonest or 0, part.cap)


def _waits(number: int, since: int, cap: Cap) -> Compromise:
    sentence = _("Session %(number)s is not before %(day)s: at most %(sessions)s in %(days)s.") % {
        "number": number,
        "day": on(since),
        "sessions": translation.sessions(cap.sessions),
        "days": translation.days(cap.days),
    }
    return Compromise("cap", (number,), sentence)


def _late_start(
    phases: Sequence[Phase], first: int, offers: Offers, wishes: Wishes
) -> Iterator[Compromise]:
    caps = session_caps.of(phases)
    start = opens(phases[0], max(wishes.start_on.toordinal(), caps.until(caps.before)))
    if weeks := (first - start) // 7:
        days = range(start, start + 7 * weeks)
        sentence = _("The course starts %(weeks)s later: %(why)s.")
        sentence %= {"weeks": weeks_in_words(weeks), "why": _why(days, offers)}
        yield Compromise("late", (1,), sentence)


def _slower(
    phases: Sequence[Phase], chosen: Sequence[Opening], offers: Offers, kept: int
) -> Iterator[Compromise]:
    days = [opening.day.toordinal() for opening in chosen]
    for departure in violations(phases, days):
        if departure.due and departure.number > kept:
            weekdays = _phase_of(phases, departure.number).weekdays
            why = _why_slower(departure, departure.due, weekdays, days, offers)
            sentence = f"{departure.what}: {why}."
            yield Compromise(departure.kind, (departure.number,), sentence)


def _why_slower(
    departure: PaceViolation,
    due: tuple[int, int],
    weekdays: tuple[int, ...],
    taken: Sequence[int],
    offers: Offers,
) -> str:
    days = range(due[0], due[1] + 1)
    if departure.kind != "short":
        return _why(days, offers, weekdays)
    others = [day for day in days if day not in taken]
    if _any(others, offers, weekdays):
        return _("no other day that fits is free")
    return _("no other day is free")


def _why(days: range, offers: Offers, weekdays: tuple[int, ...] = ()) -> str:
    """Why nothing is on these days, which is not said to be full when it is not."""
    if len(days) == 1:
        when = _("on %(day)s") % {"day": on(days[0])}
    elif len(days) % 7 == 0:
        when = _("in %(weeks)s") % {"weeks": week_of(days[0], len(days))}
    else:
        when = _("from %(first)s to %(last)s") % {"first": on(days[0]), "last": on(days[-1])}
    if _any(days, offers, weekdays):
        return _("nothing that fits the course is free %(when)s") % {"when": when}
    return _("nothing is free %(when)s") % {"when": when}


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
        numbers = tuple(number for number, opening in missed)
        weekdays = {opening.day.weekday() for number, opening in missed}
        there = _("on other days")
        if len(weekdays) == 1:
            there = _("on a %(weekday)s") % {"weekday": translation.weekday_names()[weekdays.pop()]}
        sentence = _("%(sessions)s %(there)s: %(why)s.")
        sentence %= {"sessions": _sessions(numbers), "there": there, "why": why}
        yield Compromise("weekday", numbers, sentence)


def _why_that_weekday(
    opening: Opening,
    fixed: Sequence[int],
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
) -> str:
    names = translation.weekday_names()
    wished = translation.join([names[day] for day in sorted(wishes.weekdays)], either=True)
    if fixed and not wishes.weekdays.intersection(fixed):
        named = translation.join([names[day] for day in fixed])
        return _("this part of the course is on %(weekdays)s") % {"weekdays": named}
    monday = opening.day.toordinal() - opening.day.weekday()
    taken = {other.day.toordinal() for other in chosen}
    others = {monday + weekday for weekday in wishes.weekdays} - taken
    if not others:
        return _("the pace needs more days a week than %(weekdays)s") % {"weekdays": wished}
    if any(not wishes.missed_by(offer) for day in others for offer in offers.get(day, ())):
        return _("the pace could not be kept on a %(weekdays)s that week") % {"weekdays": wished}
    limits = wishes.between or wishes.practitioner_id is not None
    if len(others) < len(wishes.weekdays):
        pattern = (
            _("no other %(weekdays)s that week is free as you wished")
            if limits
            else _("no other %(weekdays)s that week is free")
        )
    else:
        pattern = (
            _("no %(weekdays)s that week is free as you wished")
            if limits
            else _("no %(weekdays)s that week is free")
        )
    return pattern % {"weekdays": wished}


def _hours(planned: _Numbered, offers: Offers, wishes: Wishes) -> Iterator[Compromise]:
    if wishes.between is None:
        return
    missed = [(n, each) for n, each in planned if not wishes.time_met(each)]
    if not missed:
        return
    numbers = tuple(number for number, opening in missed)
    free = any(
        wishes.time_met(offer) for number, each in missed for offer in offers[each.day.toordinal()]
    )
    sentence = _("%(sessions)s %(hours)s: nothing then is free %(that_day)s.")
    if free:
        sentence = _("%(sessions)s %(hours)s: nothing then is free as you wished %(that_day)s.")
    sentence %= {
        "sessions": _sessions(numbers),
        "hours": _not_between(*wishes.between),
        "that_day": _that_day(numbers),
    }
    yield Compromise("hours", numbers, sentence)


def _not_between(first: int, end: int) -> str:
    """Hours that are missed, as words after "Session 3 is"."""
    said = {"start": f"{first // 60}:{first % 60:02}", "end": f"{end // 60}:{end % 60:02}"}
    if first <= 0:
        return _("not before %(end)s") % said
    if end >= DAY:
        return _("not at %(start)s or later") % said
    return _("not between %(start)s and %(end)s") % said


def _practitioners(planned: _Numbered, offers: Offers, wishes: Wishes) -> Iterator[Compromise]:
    missed = [(n, each) for n, each in planned if not wishes.person_met(each)]
    if not missed:
        return
    numbers = tuple(number for number, opening in missed)
    free = any(
        wishes.person_met(offer)
        for number, each in missed
        for offer in offers[each.day.toordinal()]
    )
    sentence = _(
        "%(sessions)s with another practitioner: the one you asked for is not free %(that_day)s."
    )
    if free:
        sentence = _(
            "%(sessions)s with another practitioner: the one you asked for is not free at the"
            " hours you wished %(that_day)s."
        )
    sentence %= {"sessions": _sessions(numbers), "that_day": _that_day(numbers)}
    yield Compromise("practitioner", numbers, sentence)


def _phase_of(phases: Sequence[Phase], number: int) -> Phase:
    for phase in phases:
        if number <= phase.sessions:
            return phase
        number -= phase.sessions
    raise IndexError(number)


def _sessions(numbers: Sequence[int]) -> str:
    """ "Sessions 2, 4 and 7 to 12 are", as the first words of a sentence."""
    if len(numbers) == 1:
        return _("Session %(number)s is") % {"number": numbers[0]}
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [
        word
        for run in runs
        for word in (
            [_("%(first)s to %(last)s") % {"first": run[0], "last": run[-1]}]
            if len(run) > 2
            else [str(each) for each in run]
        )
    ]
    return _("Sessions %(numbers)s are") % {"numbers": translation.join(words)}


def _that_day(numbers: Sequence[int]) -> str:
    return _("on that day") if len(numbers) == 1 else _("on those days")
