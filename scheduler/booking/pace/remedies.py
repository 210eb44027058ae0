"""Finds the changes that make a course possible, by planning each of them. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from scheduler.booking.pace import planner
from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.refusals import NoPlan, Remedy, RemedyKind, TooTangled
from scheduler.booking.pace.wishes import Opening, Wish, Wishes
from scheduler.clinic.phases import Phase

LATER_BY = (7, 35, 70)
"""Later starts that are tried, in days. The planner searches the five weeks after each."""
EARLIER_STARTS = (7, 14, 28, 56)
LONGER_BY = (28, 56)
"""Pauses that are tried, in days. The planner waits for up to four weeks without one."""


class FreeTimes(NamedTuple):
    """Free openings, and the last day that was searched."""

    openings: Sequence[Opening]
    until: date


class _Try(NamedTuple):
    kind: RemedyKind
    phases: Sequence[Phase]
    wishes: Wishes


def find(
    phases: Sequence[Phase],
    wishes: Wishes,
    refusal: NoPlan,
    *,
    today: date,
    free_times: Callable[[date, date], FreeTimes],
) -> tuple[Remedy, ...]:
    """The changes that help, the smallest of each kind; at most twelve are tried.

    `free_times` returns what is free from its first date on, for as long as a course may need that
    begins on its second date. It is called once, for everything that is tried.
    """
    found: dict[str, Remedy] = {}
    start = wishes.start_on
    first = max(today, start - timedelta(days=max(EARLIER_STARTS)))
    last = start + timedelta(days=max(LATER_BY))
    free = free_times(first, start) if _is_end(phases, refusal) else free_times(start, last)
    for tried in _tries(phases, wishes, refusal, today):
        if tried.kind in found:
            continue
        try:
            plan = planner.plan(tried.phases, free.openings, tried.wishes, until=free.until)
        except NoPlan:
            continue
        except TooTangled:
            break  # the others would take as long to find out
        found[tried.kind] = _remedy(tried, plan, phases, wishes, refusal.session_number)
    return tuple(found.values())


def _tries(phases: Sequence[Phase], wishes: Wishes, refusal: NoPlan, today: date) -> Iterator[_Try]:
    number = refusal.session_number
    place, before = _place(phases, number)
    yield from _softer_wishes(phases, wishes)
    if phases[place].weekdays:
        anywhere = [replace(phase, weekdays=()) for phase in phases]
        yield _Try("any_weekday", anywhere, wishes)
    if _is_end(phases, refusal):
        yield from _earlier_starts(phases, wishes, today)
    else:
        yield from _later_starts(phases, wishes)
        for days in LONGER_BY if number > 1 else ():
            yield _Try("pause", _split(phases, place, before, pause=days), wishes)
    for slower in _slower(phases[place]):
        yield _Try("slower", [*phases[:place], slower, *phases[place + 1 :]], wishes)
    if number > 1:
        yield _Try("fewer", _cut(phases, place, before), wishes)


def _softer_wishes(phases: Sequence[Phase], wishes: Wishes) -> Iterator[_Try]:
    kinds: tuple[Wish, ...] = ("hours", "practitioner", "weekdays")
    for kind in kinds:
        if kind in wishes.strict:
            yield _Try(kind, phases, wishes._replace(strict=wishes.strict - {kind}))


def _earlier_starts(phases: Sequence[Phase], wishes: Wishes, today: date) -> Iterator[_Try]:
    for days in EARLIER_STARTS:
        start = wishes.start_on - timedelta(days=days)
        if start >= today:
            yield _Try("earlier", phases, wishes._replace(start_on=start))


def _later_starts(phases: Sequence[Phase], wishes: Wishes) -> Iterator[_Try]:
    for days in LATER_BY:
        start = wishes.start_on + timedelta(days=days)
        yield _Try("later", phases, wishes._replace(start_on=start))


def _is_end(phases: Sequence[Phase], refusal: NoPlan) -> bool:
    """Whether the calendar or a phase ends too soon, so that only an earlier start can help."""
    place = _place(phases, refusal.session_number)[0]
    return refusal.ends_too_soon or phases[place].last_day is not None


def _remedy(
    tried: _Try, plan: Plan, phases: Sequence[Phase], wishes: Wishes, session_number: int
) -> Remedy:
    planned = tuple(replace(phase, optional=False) for phase in tried.phases)
    return Remedy(
        tried.kind,
        first=plan.sessions[0].opening.day,
        last=plan.sessions[-1].opening.day,
        session_number=session_number,
        start_on=None if tried.wishes.start_on == wishes.start_on else tried.wishes.start_on,
        phases=None if tried.phases is phases else planned,
        strict=None if tried.wishes.strict == wishes.strict else tried.wishes.strict,
    )


def _place(phases: Sequence[Phase], number: int) -> tuple[int, int]:
    """The index of the phase of a session, and how many sessions of that phase come before it."""
    before = number - 1
    for place, phase in enumerate(phases):
        if before < phase.sessions:
            return place, before
        before -= phase.sessions
    raise IndexError(number)


def _cut(phases: Sequence[Phase], place: int, before: int) -> list[Phase]:
    """The phases before `place`, and the first `before` sessions of the phase at `place`."""
    return [*phases[:place], *([_part(phases[place], before)] if before else [])]


def _split(phases: Sequence[Phase], place: int, before: int, *, pause: int) -> list[Phase]:
    """The phases with a pause within one of them, or before it."""
    phase = phases[place]
    after = replace(_part(phase, phase.sessions - before), rest_days=phase.rest_days + pause)
    return [*_cut(phases, place, before), after, *phases[place + 1 :]]


def _part(phase: Phase, sessions: int) -> Phase:
    """Some sessions at the pace of a phase."""
    if phase.within_days is None or sessions == phase.sessions:
        return replace(phase, sessions=sessions)
    days = max(sessions, phase.within_days * sessions // phase.sessions)
    return replace(phase, sessions=sessions, within_days=days, at_least_days=None)


def _slower(phase: Phase) -> Iterator[Phase]:
    if phase.every_days is not None and not phase.weekdays:
        yield from (replace(phase, every_days=phase.every_days + more) for more in (1, 2))
    elif phase.within_days is not None:
        yield replace(phase, within_days=phase.within_days * 3 // 2)
