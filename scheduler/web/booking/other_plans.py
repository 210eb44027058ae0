"""Other plans for the whole course, and remedies if no plan fits the wishes.

Each is a button on a page of the booking form. The patient can go back to the previous plan, and
typed answers stay.
"""

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.pace import alternatives
from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.refusals import NoPlan, TooTangled
from scheduler.booking.planning import draft_plans
from scheduler.booking.stored_values import DraftWishes
from scheduler.i18n.translation import marked
from scheduler.infra.errors import TooMany
from scheduler.web.booking import notices, pages, plan_buttons
from scheduler.web.booking.ahead import Ahead, AheadOfOtherPlan, AheadOfRemedy
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.booking.notices import Notice
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/book/{token}")

PREVIOUS_PLAN_TAKEN = marked(
    "This plan is gone: others took some of its times. Your plan is as before."
)
PREVIOUS_PLAN = marked("This is the plan that you had before.")


@router.post("/replan")
def replan(token: str, ahead: AheadOfOtherPlan, visit: Writing, form: Typed) -> Response:
    """Another whole plan, or the previous one again."""
    page = BookingForm.open(visit, token, "plan", lock=True)
    key = form.one("how")
    try:
        if key == "back":
            _put_back(page)
        elif not ahead.is_of(page):
            pass  # pressed twice, or another tab has changed the form since
        elif key in alternatives.KINDS:
            _take_alternative(page, key, ahead)
        else:
            _press(page, key, ahead)
    except SessionsTaken:
        going_back = key == "back"
        page.keep(notices=[PREVIOUS_PLAN_TAKEN if going_back else notices.OTHERS_BOOKING])
    except (NoPlan, TooTangled, TooMany) as problem:
        page.keep(notices=[notices.of_problem(problem)])
    return page.go("/plan")


@router.get("/plans")
def show_others(token: str, visit: Reading) -> Response:
    """Other plans, each better in one respect. Computed for this request and not kept."""
    page = BookingForm.open(visit, token, "plan")
    try:
        found = plan_buttons.alternatives_to(page)
    except (NoPlan, TooTangled):
        found = []
    return pages.alternatives(page, found)


@router.post("/remedy")
def take_remedy(token: str, ahead: AheadOfRemedy, visit: Writing, form: Typed) -> Response:
    """Apply a remedy that makes a plan possible."""
    page = BookingForm.open(visit, token, "wishes", lock=True)
    remedy = page.remedy(form.one("kind"))
    if remedy is None:  # pressed twice, or in an old tab
        return page.go("/plan" if page.enquiry.sessions else "/wishes")
    if not ahead.is_of(page):  # another tab has changed the form since
        return page.go("/wishes")
    before = {"wishes": page.answers.wishes, "phases": page.answers.phases}
    wishes, phases = page.with_remedy(remedy)
    page.keep(wishes=wishes, phases=phases or page.answers.phases, accepted=None)
    try:
        draft_plans.make(
            visit.session,
            page.enquiry,
            page.treatment,
            page.wishes,
            now=visit.now,
            ready=ahead.result(),
        )
    except (NoPlan, SessionsTaken, TooMany) as problem:
        page.keep(**before, refused=notices.of_problem(problem))
        return page.go("/wishes")
    page.keep(notices=[notices.of_remedy(remedy)], refused=None, before=None)
    return page.go("/plan")


def _press(page: BookingForm, key: str, ahead: Ahead) -> None:
    """Adopt the plan of a button; do nothing if the button is gone by now."""
    button, plan = plan_buttons.find(page, key), ahead.result()
    if button is None or plan is None:  # it was pressed twice
        return
    fits = any(not button.wishes.missed_by(session.opening) for session in plan.sessions)
    if not fits or not plan_buttons.is_new(page, plan):
        page.keep(notices=[button.none_found])
        return
    pressed = button.wishes
    wishes = page.wished.model_copy(
        update={
            "start_on": pressed.start_on,
            "practitioner_id": pressed.practitioner_id,
            "between": pressed.between or page.wished.between,
        }
    )
    _adopt(page, plan, wishes=wishes, notice=notices.of_other_plan(button.key))


def _take_alternative(page: BookingForm, kind: str, ahead: Ahead) -> None:
    ahead.result()
    found = [alternative for alternative in ahead.alternatives if alternative.kind == kind]
    if not found or not plan_buttons.is_new(page, found[0].plan):
        page.keep(notices=[plan_buttons.NO_OTHER_PLAN])
        return
    notice = notices.of_advantage(found[0].advantage)
    _adopt(page, found[0].plan, wishes=page.wished, notice=notice)


def _adopt(page: BookingForm, plan: Plan, *, wishes: DraftWishes, notice: Notice) -> None:
    before = page.proposal_as_kept()
    draft_plans.adopt(page.session, page.enquiry, page.treatment, plan, now=page.now)
    page.keep(notices=[notice], before=before, wishes=wishes, accepted=None)


def _put_back(page: BookingForm) -> None:
    before = page.answers.before
    if not before:
        return
    replaced = page.proposal_as_kept()
    draft_plans.put_back(
        page.session,
        page.enquiry,
        page.treatment,
        before.sessions,
        before.compromises,
        now=page.now,
    )
    page.keep(notices=[PREVIOUS_PLAN], before=replaced, wishes=before.wishes, accepted=None)
