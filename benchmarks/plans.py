"""A course of twelve, its alternatives, and the explanation if there is no plan."""

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sqlmodel import Session

from benchmarks import clinic
from benchmarks.clinic import FIRST, NOW, Place
from benchmarks.slots import measured, slots
from scheduler.booking.pace import alternatives, planner
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import Cap, Phase

TWICE = [Phase(12, per_week=2)]
ASKED = Wishes(FIRST + timedelta(days=1), weekdays=frozenset({1, 3}))
WEEKEND = [Phase(12, per_week=2, weekdays=(5, 6))]


def main() -> int:
    """Print the table; return 1 for a wrong answer."""
    with clinic.opened(history=0) as places:
        for place in places:
            search, *spent = measured(partial(slots, place), *_programs(place))
            for name, milliseconds in zip(NAMES, spent, strict=True):
                print(
                    f"{place.name:<10} {name:<44} {milliseconds:6.1f} ms"
                    f" = {milliseconds / search:4.1f} searches"
                )
    return 0


def best(session: Session, treatment: Treatment) -> None:
    """The best plan alone."""
    plan_course.propose(session, treatment, ASKED, now=NOW, agreed=TWICE)


def with_alternatives(session: Session, treatment: Treatment) -> None:
    """The best plan, and plans that are better in one respect."""
    alternatives.find(plan_course.proposal(session, treatment, ASKED, now=NOW, agreed=TWICE))


def with_neighbours(session: Session, treatment: Treatment) -> None:
    """The best plan, and five other times for each session."""
    found = plan_course.proposal(session, treatment, ASKED, now=NOW, agreed=TWICE)
    for number in range(1, 13):
        planner.neighbours(found.plan, number, found.openings, found.phases)


def within_a_cap(session: Session, treatment: Treatment) -> None:
    """Ten sessions in sixty days, and the rest afterwards."""
    capped = [Phase(12, per_week=2, caps=(Cap(10, 60),))]
    plan_course.propose(session, treatment, ASKED, now=NOW, agreed=capped)


def refused(session: Session, treatment: Treatment) -> None:
    """No plan: the reason and the remedies."""
    try:
        plan_course.propose(session, treatment, ASKED, now=NOW, agreed=WEEKEND)
    except ExplainedNoPlan as none:
        if not none.remedies:
            raise


NAMES = (
    "a plan of 12",
    "... and its alternatives",
    "... and five other times for each session",
    "... with a cap that is reached",
    "no plan: why, and what would help",
)


def _programs(place: Place) -> list[Callable[[], object]]:
    def run(question: Callable[[Session, Treatment], None]) -> None:
        with place.database.transaction(write=False) as session:
            question(session, session.get_one(Treatment, place.treatment_id))

    questions = (best, with_alternatives, with_neighbours, within_a_cap, refused)
    return [partial(run, question) for question in questions]


if __name__ == "__main__":
    sys.exit(main())
