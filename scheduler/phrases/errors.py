"""Sentences of errors, in the language of the reader."""

from scheduler.booking.courses.adherence import BreaksPace
from scheduler.booking.pace.refusals import NoPlan
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Problem
from scheduler.phrases import no_plan, pace


def sentence(problem: Problem) -> str:
    """The sentence of a problem; errors that carry facts have theirs written here."""
    match problem:
        case NoPlan():
            return no_plan.sentence(problem)
        case BreaksPace():
            return f"{_(problem.sentence)} {pace.sentences(problem.violations)}"
        case _:
            return _(problem.sentence)
