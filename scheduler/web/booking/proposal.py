"""The step of the booking form that shows the proposed course and changes single sessions."""

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.pace.refusals import NoPlan
from scheduler.booking.planning import draft_plans
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Invalid, Problem, TooMany
from scheduler.patients.models import Patient
from scheduler.web.booking import form_session, notices, pages, plan_buttons
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.site import forms
from scheduler.web.site.forms import Mistakes
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/book/{token}/plan")

SOME_TAKEN = marked(
    "Some of your times were taken while you were looking. This is the best course that is free now"
    " and fits your wishes; all that you told us is kept."
)


@router.get("")
def show(token: str, visit: Reading) -> Response:
    """The proposed course, week by week."""
    page = BookingForm.open(visit, token, "plan")
    return pages.plan(page, [button.key for button in plan_buttons.offered(page)])


@router.post("")
def accept(token: str, visit: Writing) -> Response:
    """Accept the proposed times if they are still free."""
    page = BookingForm.open(visit, token, "plan", lock=True)
    if not draft_plans.renew(visit.session, page.enquiry, page.treatment, now=visit.now):
        return propose_again(page)
    page.keep(accepted=True)
    return page.go("/details")


@router.get("/{number}")
def show_other_times(token: str, number: str, visit: Reading) -> Response:
    """Other times for one session."""
    page = BookingForm.open(visit, token, "plan")
    return pages.others(page, form_session.session_number(page, number))


@router.post("/{number}")
def take_other_time(token: str, number: str, visit: Writing, form: Typed) -> Response:
    """Give one session another time."""
    page = BookingForm.open(visit, token, "plan", lock=True)
    session_number = form_session.session_number(page, number)
    if not draft_plans.renew(visit.session, page.enquiry, page.treatment, now=visit.now):
        return propose_again(page)
    try:
        starts_at, practitioner_id = forms.read_slot(form)
        before = page.proposal_as_kept()
        draft_plans.change(
            visit.session,
            page.enquiry,
            page.treatment,
            session_number,
            starts_at=starts_at,
            practitioner_id=practitioner_id,
            now=visit.now,
        )
    except Invalid as problem:
        return pages.others(page, session_number, {"slot": problem.sentence})
    except draft_plans.NoLongerFree as problem:
        return pages.others(page, session_number, {"slot": _(problem.sentence)}, status=409)
    page.keep(notices=[notices.of_new_time(session_number)], before=before)
    return page.go("/plan")


def propose_again(page: BookingForm, patient: Patient | None = None) -> Response:
    """Propose the times that are free now, because the previous ones were taken."""
    try:
        draft_plans.make(
            page.session,
            page.enquiry,
            page.treatment,
            page.wishes,
            now=page.now,
            patient=patient,
        )
    except (NoPlan, SessionsTaken, TooMany) as problem:
        page.keep(
            notices=[notices.of_problem(problem, advise=True)],
            accepted=None,
            refused=notices.of_problem(problem),
        )
        return page.go("/wishes")
    page.keep(notices=[SOME_TAKEN], accepted=None, before=None)
    return page.go("/plan")


def renew(page: BookingForm) -> None:
    """Extend the hold of the proposed times while the patient goes on filling in the form.

    A hold that has lapsed is reported at the next step.
    """
    if page.enquiry.hold_id is not None:
        draft_plans.renew(page.session, page.enquiry, page.treatment, now=page.now)


def mistakes(page: BookingForm, problem: Mistakes | Problem) -> dict[str, str]:
    """The sentences to show with the wishes, by field."""
    if isinstance(problem, Mistakes):
        return problem.sentences
    return {"": notices.text(page, notices.of_problem(problem, advise=True))}
