"""Notices of the booking form, each shown once, on the page after the step that caused it.

A form stores them as facts, so that a patient who changes the language reads them in the new one.
A plain string is a message of the catalog.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.pace.alternatives import Advantage
from scheduler.booking.pace.planner import PlannedSession
from scheduler.booking.pace.refusals import Remedy
from scheduler.booking.planning import fact_json
from scheduler.booking.planning.fact_json import Refusal
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Problem
from scheduler.phrases import alternatives, no_plan
from scheduler.web.site.view_models import SessionView

Notice = str | dict[str, Any]

OTHERS_BOOKING = marked(
    "Others are booking at this very moment and took these times. Please try again."
)
WIDER_WISHES = marked("It may help to tick more days, to take any time of day, or to start later.")

_OTHER_PLANS = {
    "earlier": marked("Earlier in the day"),
    "later": marked("Later in the day"),
    "week": marked("Start a week later"),
}


class ProposedCourse(Protocol):
    """The parts of the booking form that a notice reads."""

    @property
    def planned(self) -> list[PlannedSession]: ...

    def shown(self, session: PlannedSession) -> SessionView: ...

    def name_of(self, practitioner_id: int) -> str: ...


def of_problem(problem: Problem, *, advise: bool = False) -> Notice:
    """The reason why there is no plan; `advise`: with a hint if no remedy was found."""
    if isinstance(problem, ExplainedNoPlan):
        return {"no_plan": fact_json.REFUSAL.dump(Refusal.of(problem)), "advise": advise}
    return OTHERS_BOOKING if isinstance(problem, SessionsTaken) else problem.sentence


def of_remedy(remedy: Remedy) -> Notice:
    """The change that makes the plan possible which the form now shows."""
    return {"remedy": fact_json.REMEDY.dump(remedy)}


def of_advantage(advantage: Advantage) -> Notice:
    """The advantage of the plan that the patient has chosen."""
    return {"advantage": fact_json.ADVANTAGE.dump(advantage)}


def of_other_plan(key: str) -> Notice:
    """The button that the patient pressed for another plan."""
    return {"other_plan": key}


def of_new_time(number: int) -> Notice:
    """The proposed session that has another time now."""
    return {"new_time": number}


def text(proposal: ProposedCourse, notice: Notice) -> str:
    """A notice in the reader's language; empty for a shape that this release does not know."""
    if isinstance(notice, str):
        return _(notice)
    match notice:
        case {"other_plan": str(key)}:
            words = other_plan(proposal, key)
            return _("Your new plan: %(how)s.") % {"how": words[0].lower() + words[1:]}
        case {"new_time": int(number)}:
            session = proposal.shown(proposal.planned[number - 1])
            values = {"number": number, "when": session.spoken}
            return _("Session %(number)s is now on %(when)s.") % values
        case _:
            return _of_planner(notice)


def texts(proposal: ProposedCourse, notices: Sequence[Notice]) -> list[str]:
    found = [text(proposal, notice) for notice in notices]
    return [sentence for sentence in found if sentence]


def refusal_in(notice: Notice | None) -> Refusal | None:
    """The refusal that a notice is about, if any."""
    return fact_json.REFUSAL.load(notice.get("no_plan")) if isinstance(notice, dict) else None


def other_plan(proposal: ProposedCourse, key: str) -> str:
    """The words on a button for another plan."""
    if key in _OTHER_PLANS:
        return _(_OTHER_PLANS[key])
    practitioner_id = int(key.removeprefix("with-"))
    return _("With %(who)s") % {"who": proposal.name_of(practitioner_id)}


def _of_planner(notice: dict[str, Any]) -> str:
    if refusal := refusal_in(notice):
        sentence = no_plan.of_session(refusal.session_number, refusal.reason)
        hint = notice.get("advise") and not refusal.remedies
        return f"{sentence} {_(WIDER_WISHES)}" if hint else sentence
    if remedy := fact_json.REMEDY.load(notice.get("remedy")):
        return no_plan.remedy(remedy)
    if advantage := fact_json.ADVANTAGE.load(notice.get("advantage")):
        return alternatives.sentence(advantage)
    return ""
