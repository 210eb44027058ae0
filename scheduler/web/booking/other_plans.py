"""Other plans for the whole course, and remedies if no plan fits the wishes.

Each is a button on a page of the booking form. The patient can go back to the previous plan, and
typed answers stay.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.availability.search import Ignoring
from scheduler.booking.pace import alternatives
from scheduler.booking.pace.planner import Plan, PlannedSession, Wishes
from scheduler.booking.pace.refusals import NoPlan, TooTangled
from scheduler.booking.pace.wishes import Opening
from scheduler.booking.planning import draft_plans, plan_course
from scheduler.booking.stored_values import DraftWishes
from scheduler.clinic.hours import MINUTES_PER_DAY
from scheduler.i18n.translation import marked
from scheduler.infra.errors import TooMany
from scheduler.web.booking import notices, pages
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.booking.notices import Notice
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/book/{token}")

MINUTES_LATER = 60
"""A patient who asks for later in the day does not mean ten minutes."""
MOST_PRACTITIONERS = 6
"""Other practitioners that have a button of their own."""

NOTHING_EARLIER = marked("Nothing earlier in the day is free at this pace. Your plan is as before.")
NOTHING_LATER = marked("Nothing later in the day is free at this pace. Your plan is as before.")
PRACTITIONER_NOT_FREE = marked(
    "No session with this practitioner is free at this pace. Your plan is as before."
)
NO_OTHER_PLAN = marked("No other plan was found. Your plan is as before.")
PREVIOUS_PLAN_TAKEN = marked(
    "This plan is gone: others took some of its times. Your plan is as before."
)
PREVIOUS_PLAN = marked("This is the plan that you had before.")


@dataclass(frozen=True)
class PlanButton:
    """A button for another plan: its key, its wishes, and the notice if there is none."""

    key: str
    wishes: Wishes
    none_found: str


def plan_buttons(page: BookingForm) -> list[PlanButton]:
    """The buttons for other plans, each with its wishes."""
    wishes, openings = page.wishes, [session.opening for session in page.planned]
    usual = Counter(opening.minute for opening in openings).most_common(1)[0][0]
    start, end = wishes.between or (0, MINUTES_PER_DAY)
    buttons = []
    if usual:
        earlier = wishes._replace(between=(start if start < usual else 0, usual))
        buttons.append(PlanButton("earlier", earlier, NOTHING_EARLIER))
    after = usual + MINUTES_LATER
    if after < MINUTES_PER_DAY:
        later = wishes._replace(between=(after, end if after < end else MINUTES_PER_DAY))
        buttons.append(PlanButton("later", later, NOTHING_LATER))
    next_week = wishes._replace(start_on=openings[0].day + timedelta(days=7))
    buttons.append(PlanButton("week", next_week, NO_OTHER_PLAN))
    return [*buttons, *_practitioner_buttons(page, openings)]


def _practitioner_buttons(page: BookingForm, openings: Sequence[Opening]) -> list[PlanButton]:
    """A button for each practitioner who does not give all sessions of the plan."""
    counts = Counter(opening.practitioner_id for opening in openings)
    others = [
        practitioner
        for practitioner in page.practitioners
        if counts[practitioner.id or 0] < len(openings)
    ]
    return [
        PlanButton(
            f"with-{practitioner.id}",
            page.wishes._replace(practitioner_id=practitioner.id),
            PRACTITIONER_NOT_FREE,
        )
        for practitioner in others[:MOST_PRACTITIONERS]
    ]


@router.post("/replan")
def replan(token: str, visit: Writing, form: Typed) -> Response:
    """Another whole plan, or the previous one again."""
    page = BookingForm.open(visit, token, "plan", lock=True)
    key = form.one("how")
    try:
        if key == "back":
            _put_back(page)
        elif key in alternatives.KINDS:
            _take_alternative(page, key)
        else:
            _press(page, key)
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
        found = _alternatives(page)
    except (NoPlan, TooTangled):
        found = []
    return pages.alternatives(page, found)


@router.post("/remedy")
def take_remedy(token: str, visit: Writing, form: Typed) -> Response:
    """Apply a remedy that makes a plan possible."""
    page = BookingForm.open(visit, token, "wishes", lock=True)
    remedies = [remedy for remedy in page.remedies if remedy.kind == form.one("kind")]
    if not remedies:  # pressed twice, or in an old tab
        return page.go("/plan" if page.enquiry.sessions else "/wishes")
    remedy = remedies[0]
    before = {"wishes": page.answers.wishes, "phases": page.answers.phases}
    wishes = page.wished
    if remedy.start_on:
        wishes = wishes.model_copy(update={"start_on": remedy.start_on})
    phases = list(remedy.phases or ())
    page.keep(wishes=wishes, phases=phases or page.answers.phases, accepted=None)
    try:
        draft_plans.make(visit.session, page.enquiry, page.treatment, page.wishes, now=visit.now)
    except (NoPlan, SessionsTaken, TooMany) as problem:
        page.keep(**before, refused=notices.of_problem(problem))
        return page.go("/wishes")
    page.keep(notices=[notices.of_remedy(remedy)], refused=None, before=None)
    return page.go("/plan")


def _press(page: BookingForm, key: str) -> None:
    """Adopt the plan of a button; do nothing if the button is gone by now."""
    buttons = [button for button in plan_buttons(page) if button.key == key]
    if not buttons:  # it was pressed twice
        return
    [button] = buttons
    plan = plan_course.propose(
        page.session,
        page.treatment,
        button.wishes,
        now=page.now,
        agreed=draft_plans.agreed(page.enquiry, page.treatment),
        ignoring=Ignoring(page.enquiry.hold_id),
    )
    fits = any(not button.wishes.missed_by(session.opening) for session in plan.sessions)
    if not fits or not _is_new(page, plan):
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


def _take_alternative(page: BookingForm, kind: str) -> None:
    found = [alternative for alternative in _alternatives(page) if alternative.kind == kind]
    if not found or not _is_new(page, found[0].plan):
        page.keep(notices=[NO_OTHER_PLAN])
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


def _alternatives(page: BookingForm) -> list[alternatives.Alternative]:
    best = plan_course.proposal(
        page.session,
        page.treatment,
        page.wishes,
        now=page.now,
        agreed=draft_plans.agreed(page.enquiry, page.treatment),
        ignoring=Ignoring(page.enquiry.hold_id),
    )
    return [
        alternative for alternative in alternatives.find(best) if _is_new(page, alternative.plan)
    ]


def _is_new(page: BookingForm, plan: Plan) -> bool:
    """Whether a plan differs from the proposal in a time or a practitioner, not just a room."""
    return _times(plan.sessions) != _times(page.planned)


def _times(sessions: Iterable[PlannedSession]) -> list[tuple[int, int]]:
    return [(session.opening.starts_at, session.opening.practitioner_id) for session in sessions]
