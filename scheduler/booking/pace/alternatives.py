"""Other plans than the best, each better in one thing that a person may care about. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

from scheduler.booking.pace import date_search, planner
from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.refusals import NoPlan, TooTangled
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.clinic.phases import Phase

EARLIER_BY = 3
"""Days by which an end has to be earlier to be worth saying."""
KINDS = frozenset({"earlier_end", "same_practitioner", "same_hour"})
MOST_HOURS = 8
"""How many times of day are tried: those with the most free days."""


@dataclass(frozen=True, slots=True)
class EarlierEnd:
    """The course ends on day `on`, so many days before the best plan."""

    on: date
    days: int
    kind: Literal["earlier_end"] = "earlier_end"


@dataclass(frozen=True, slots=True)
class SamePractitioner:
    """One practitioner gives all sessions."""

    kind: Literal["same_practitioner"] = "same_practitioner"


@dataclass(frozen=True, slots=True)
class SameHour:
    """All sessions begin at one minute of the day."""

    minute: int
    kind: Literal["same_hour"] = "same_hour"


Advantage = EarlierEnd | SamePractitioner | SameHour


class Alternative(NamedTuple):
    """A whole course that is better than the best plan in one thing."""

    advantage: Advantage
    plan: Plan

    @property
    def kind(self) -> str:
        return self.advantage.kind


@dataclass(frozen=True, slots=True)
class Proposal:
    """The best plan, and what it was found in."""

    plan: Plan
    phases: Sequence[Phase]
    openings: Sequence[Opening]
    wishes: Wishes
    until: date


def find(best: Proposal) -> list[Alternative]:
    """At most one of each kind, and none that is the same course as another.

    Each is the best by the order of the planner among those that are so. Of one practitioner or
    another, one hour or another, the one with the fewest sessions that keep a wish or the pace
    less well counts, then the one that ends first.
    """
    seen = {best.plan.sessions}
    found = []
    for alternative in (*_earlier(best), *_with_one(best), *_at_one_hour(best)):
        if alternative.plan.sessions not in seen:
            seen.add(alternative.plan.sessions)
            found.append(alternative)
    return found


def _earlier(best: Proposal) -> Iterator[Alternative]:
    if any(phase.caps for phase in best.phases):
        return  # the soonest end within a cap would take too long to know
    # A part that is to be spread is not crammed: it may be a week shorter, no more.
    phases = [_still_spread(phase) for phase in best.phases]
    allowed = [opening for opening in best.openings if best.wishes.allow(opening)]
    free = {each.day.toordinal() for each in allowed if each.day >= best.wishes.start_on}
    end = date_search.soonest_end(phases, free, best.wishes.start_on.toordinal())
    last = _end(best.plan)
    if end is None or (earlier := last.toordinal() - end) < EARLIER_BY:
        return
    plan = planner.plan(phases, allowed, best.wishes, until=date.fromordinal(end))
    yield Alternative(EarlierEnd(date.fromordinal(end), earlier), plan)


def _still_spread(phase: Phase) -> Phase:
    if phase.within_days is None or phase.sessions == 1:
        return phase
    least = max(phase.at_least_days or 1, phase.within_days - 7)
    return replace(phase, at_least_days=least)


def _with_one(best: Proposal) -> Iterator[Alternative]:
    if len({each.opening.practitioner_id for each in best.plan.sessions}) > 1:
        tried = _by(best.openings, lambda each: each.practitioner_id)
        for plan in _best_of(best, tried):
            yield Alternative(SamePractitioner(), plan)


def _at_one_hour(best: Proposal) -> Iterator[Alternative]:
    if len({each.opening.minute for each in best.plan.sessions}) > 1:
        by_minute = _by(best.openings, lambda each: each.minute)
        widest = sorted(by_minute, key=lambda own: -len({each.day for each in own}))
        for plan in _best_of(best, widest[:MOST_HOURS]):
            yield Alternative(SameHour(plan.sessions[0].opening.minute), plan)


def _by(openings: Iterable[Opening], shared: Callable[[Opening], int]) -> list[list[Opening]]:
    groups: dict[int, list[Opening]] = defaultdict(list)
    for opening in openings:
        groups[shared(opening)].append(opening)
    return [groups[key] for key in sorted(groups)]


def _best_of(best: Proposal, tried: Iterable[Sequence[Opening]]) -> list[Plan]:
    """The best plan of those possible, or none."""
    plans = []
    for openings in tried:
        if len({opening.day for opening in openings}) < len(best.plan.sessions):
            continue
        try:
            plan = planner.plan(best.phases, openings, best.wishes, until=best.until)
        except NoPlan:
            continue
        except TooTangled:
            break
        plans.append(plan)
    return sorted(plans, key=lambda plan: (_less_well(plan), _end(plan)))[:1]


def _less_well(plan: Plan) -> int:
    return len({number for compromise in plan.compromises for number in compromise.session_numbers})


def _end(plan: Plan) -> date:
    return plan.sessions[-1].opening.day
