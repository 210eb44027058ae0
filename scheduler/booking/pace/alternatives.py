"""Finds other plans, each better than the best plan in one thing. Pure."""

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

MIN_DAYS_EARLIER = 3
"""An end that is earlier by fewer days is not worth an alternative."""
KINDS = frozenset({"earlier_end", "same_practitioner", "same_hour"})
MOST_HOURS = 8
"""Times of day that are tried: those with the most free days."""


@dataclass(frozen=True, slots=True)
class EarlierEnd:
    """The course ends on day `on`, `days` before the best plan."""

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
    """The best plan, and the request that it answers."""

    plan: Plan
    phases: Sequence[Phase]
    openings: Sequence[Opening]
    wishes: Wishes
    until: date


def find(best: Proposal) -> list[Alternative]:
    """At most one alternative of each kind, all different courses.

    Each is the best plan under its condition. Among practitioners, and among hours, the plan with
    the fewest sessions in compromises wins, then the one that ends first.
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
        return  # finding the earliest end under caps would take too long
    # A phase that should be spread over days may become at most a week shorter.
    phases = [_still_spread(phase) for phase in best.phases]
    allowed = [opening for opening in best.openings if best.wishes.allow(opening)]
    free = {opening.day.toordinal() for opening in allowed if opening.day >= best.wishes.start_on}
    end = date_search.soonest_end(phases, free, best.wishes.start_on.toordinal())
    last = _end(best.plan)
    if end is None or (earlier := last.toordinal() - end) < MIN_DAYS_EARLIER:
        return
    plan = planner.plan(phases, allowed, best.wishes, until=date.fromordinal(end))
    yield Alternative(EarlierEnd(date.fromordinal(end), earlier), plan)


def _still_spread(phase: Phase) -> Phase:
    if phase.within_days is None or phase.sessions == 1:
        return phase
    least = max(phase.at_least_days or 1, phase.within_days - 7)
    return replace(phase, at_least_days=least)


def _with_one(best: Proposal) -> Iterator[Alternative]:
    if len({session.opening.practitioner_id for session in best.plan.sessions}) > 1:
        tried = _by(best.openings, lambda opening: opening.practitioner_id)
        for plan in _best_of(best, tried):
            yield Alternative(SamePractitioner(), plan)


def _at_one_hour(best: Proposal) -> Iterator[Alternative]:
    if len({session.opening.minute for session in best.plan.sessions}) > 1:
        by_minute = _by(best.openings, lambda opening: opening.minute)
        widest = sorted(by_minute, key=lambda own: -len({opening.day for opening in own}))
        for plan in _best_of(best, widest[:MOST_HOURS]):
            yield Alternative(SameHour(plan.sessions[0].opening.minute), plan)


def _by(openings: Iterable[Opening], shared: Callable[[Opening], int]) -> list[list[Opening]]:
    groups: dict[int, list[Opening]] = defaultdict(list)
    for opening in openings:
        groups[shared(opening)].append(opening)
    return [groups[key] for key in sorted(groups)]


def _best_of(best: Proposal, tried: Iterable[Sequence[Opening]]) -> list[Plan]:
    """The best of the possible plans; empty if there is none."""
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
    return sorted(plans, key=lambda plan: (_compromised(plan), _end(plan)))[:1]


def _compromised(plan: Plan) -> int:
    return len({number for compromise in plan.compromises for number in compromise.session_numbers})


def _end(plan: Plan) -> date:
    return plan.sessions[-1].opening.day
