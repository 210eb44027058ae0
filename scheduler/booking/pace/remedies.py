"""What would make a course possible that cannot be planned: each tried before it is said. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from scheduler.booking.pace import planner
from scheduler.booking.pace.compromises import Opening, Wishes
from scheduler.booking.pace.date_search import NoPlan, TooTangled
from scheduler.booking.pace.pace import on
from scheduler.booking.pace.planner import Plan
from scheduler.clinic.phases import Phase
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import ngettext

LATER_BY = (7, 35, 70)
"""Days later that a start is tried. The planner itself looks at the five weeks from each."""
EARLIER_BY = (7, 14, 28, 56)
PAUSES = (28, 56)
"""Days that a pause is tried. The planner itself waits for some weeks where it must."""


class FreeTimes(NamedTuple):
    """What is free from a start on, and until when it was looked for."""

    openings: Sequence[Opening]
    until: date


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change that makes the course possible, as a sentence and as what to ask for instead.

    Kinds: practitioner, weekdays, hours (no longer only those wished), earlier, later, pause,
    slower, fewer. Of start, phases and strict wishes only what changes is given.
    """

    kind: str
    sentence: str
    start_on: date | None = None
    phases: tuple[Phase, ...] | None = None
    strict: frozenset[str] | None = None


class _Try(NamedTuple):
    kind: str
    words: str
    phases: Sequence[Phase]
    wishes: Wishes


def find(
    phases: Sequence[Phase],
    wishes: Wishes,
    refusal: NoPlan,
    *,
    today: date,
    look: Callable[[date, date], FreeTimes],
) -> tuple[Remedy, ...]:
    """The changes that help, the smallest of each kind; at most twelve are tried.

    `look` tells what is free from one date on, for as long as the course may need that begins on
    another. It is asked once, for all that is tried.
    """
    found: dict[str, Remedy] = {}
    start = wishes.start_on
    first = max(today, start - timedelta(days=max(EARLIER_BY)))
    last = start + timedelta(days=max(LATER_BY))
    free = look(first, start) if _ends(phases, refusal) else look(start, last)
    for each in _tries(phases, wishes, refusal, today):
        if each.kind in found:
            continue
        try:
            plan = planner.plan(each.phases, free.openings, each.wishes, until=free.until)
        except NoPlan:
            continue
        except TooTangled:
            break  # as long as it took to find out, the others would take too
        found[each.kind] = _remedy(each, plan, phases, wishes)
    return tuple(found.values())


def _tries(phases: Sequence[Phase], wishes: Wishes, refusal: NoPlan, today: date) -> Iterator[_Try]:
    number = refusal.session_number
    said = {
        "practitioner": _("With another practitioner where need be"),
        "weekdays": _("If other weekdays will do as well"),
        "hours": _("If other hours will do as well"),
    }
    for kind in sorted(wishes.strict):
        softer = wishes._replace(strict=wishes.strict - {kind})
        yield _Try(kind, said[kind], phases, softer)
    place, before = _place(phases, number)
    if phases[place].weekdays:
        anywhere = [replace(phase, weekdays=()) for phase in phases]
        yield _Try("any_weekday", _("If its sessions may be on any weekday"), anywhere, wishes)
    ends = _ends(phases, refusal)
    for days in EARLIER_BY if ends else ():
        start = wishes.start_on - timedelta(days=days)
        if start >= today:
            words = _("Starting on or after %(day)s") % {"day": on(start.toordinal())}
            yield _Try("earlier", words, phases, wishes._replace(start_on=start))
    for days in () if ends else LATER_BY:
        start = wishes.start_on + timedelta(days=days)
        words = _("Starting on or after %(day)s") % {"day": on(start.toordinal())}
        yield _Try("later", words, phases, wishes._replace(start_on=start))
    for days in PAUSES if number > 1 and not ends else ():
        apart = _split(phases, place, before, pause=days)
        words = _("With a pause before session %(number)s") % {"number": number}
        yield _Try("pause", words, apart, wishes)
    for slower in _slower(phases[place]):
        gentler = [*phases[:place], slower, *phases[place + 1 :]]
        yield _Try("slower", _("At a slower pace"), gentler, wishes)
    if number > 1:
        words = ngettext(
            "With the first session now and the rest later",
            "With the first %(count)s sessions now and the rest later",
            number - 1,
        )
        words %= {"count": number - 1}
        yield _Try("fewer", words, _cut(phases, place, before), wishes)


def _ends(phases: Sequence[Phase], refusal: NoPlan) -> bool:
    """Whether it is an end that is in the way, which only an earlier start can help."""
    place = _place(phases, refusal.session_number)[0]
    return refusal.ends_too_soon or phases[place].last_day is not None


def _remedy(tried: _Try, plan: Plan, phases: Sequence[Phase], wishes: Wishes) -> Remedy:
    first, last = (plan.sessions[place].opening.day for place in (0, -1))
    dates = {"first": on(first.toordinal()), "last": on(last.toordinal())}
    sentence = (
        _("%(change)s: on %(first)s.")
        if first == last
        else _("%(change)s: from %(first)s to %(last)s.")
    )
    said = [replace(phase, optional=False) for phase in tried.phases]
    return Remedy(
        tried.kind,
        sentence % {**dates, "change": tried.words},
        start_on=None if tried.wishes.start_on == wishes.start_on else tried.wishes.start_on,
        phases=None if tried.phases is phases else tuple(said),
        strict=None if tried.wishes.strict == wishes.strict else tried.wishes.strict,
    )


def _place(phases: Sequence[Phase], number: int) -> tuple[int, int]:
    """Which phase a session is in, from 0, and how many of that phase are before it."""
    before = number - 1
    for place, phase in enumerate(phases):
        if before < phase.sessions:
            return place, before
        before -= phase.sessions
    raise IndexError(number)


def _cut(phases: Sequence[Phase], place: int, before: int) -> list[Phase]:
    """The phases up to so many sessions of one of them."""
    return [*phases[:place], *([_part(phases[place], before)] if before else [])]


def _split(phases: Sequence[Phase], place: int, before: int, *, pause: int) -> list[Phase]:
    """The phases with a pause within one of them, or before it."""
    phase = phases[place]
    after = replace(_part(phase, phase.sessions - before), rest_days=phase.rest_days + pause)
    return [*_cut(phases, place, before), after, *phases[place + 1 :]]


def _part(phase: Phase, sessions: int) -> Phase:
    """So many sessions at the pace of a phase."""
    if phase.within_days is None or sessions == phase.sessions:
        return replace(phase, sessions=sessions)
    days = max(sessions, phase.within_days * sessions // phase.sessions)
    return replace(phase, sessions=sessions, within_days=days, at_least_days=None)


def _slower(phase: Phase) -> Iterator[Phase]:
    if phase.every_days is not None and not phase.weekdays:
        yield from (replace(phase, every_days=phase.every_days + more) for more in (1, 2))
    elif phase.within_days is not None:
        yield replace(phase, within_days=phase.within_days * 3 // 2)
