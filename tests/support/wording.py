"""The findings of the rules as people read them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.violations import violations
from scheduler.clinic.phases import Phase
from scheduler.i18n import languages, translation
from scheduler.phrases import compromises, pace


def broken_pace(phases: Sequence[Phase], dates: Sequence[date]) -> list[str]:
    """A sentence for each way in which dates, in any order, leave the pace."""
    found = violations(phases, sorted(day.toordinal() for day in dates))
    return [pace.sentence(violation) for violation in found]


def compromises_of(plan: Plan) -> list[str]:
    """A sentence for each compromise of a plan."""
    return [compromises.sentence(compromise) for compromise in plan.compromises]


@contextmanager
def answering_in(language: str) -> Iterator[None]:
    """As in a request of a reader of this language."""
    translation.activate(language)
    try:
        yield
    finally:
        translation.activate(languages.SOURCE)
