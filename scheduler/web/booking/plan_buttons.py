"""Buttons for other plans of the whole course: their wishes, and which plans are new."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from scheduler.booking.availability.search import Ignoring
from scheduler.booking.pace import alternatives
from scheduler.booking.pace.alternatives import Alternative
from scheduler.booking.pace.planner import Plan, PlannedSession, Wishes
from scheduler.booking.pace.wishes import Opening
from scheduler.booking.planning import draft_plans, plan_course
from scheduler.clinic.hours import MINUTES_PER_DAY
from scheduler.i18n.translation import marked
from scheduler.web.booking.form_session import BookingForm

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


@dataclass(frozen=True)
class PlanButton:
    """A button for another plan: its key, its wishes, and the notice if there is none."""

    key: str
    wishes: Wishes
    none_found: str


def offered(page: BookingForm) -> list[PlanButton]:
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


def find(page: BookingForm, key: str) -> PlanButton | None:
    """The button with a key; None if it is gone by now."""
    return next((button for button in offered(page) if button.key == key), None)


def alternatives_to(page: BookingForm) -> list[Alternative]:
    """Plans that are better than the proposal in one respect, and new."""
    best = plan_course.proposal(
        page.session,
        page.treatment,
        page.wishes,
        now=page.now,
        agreed=draft_plans.agreed(page.enquiry, page.treatment),
        ignoring=Ignoring(page.enquiry.hold_id),
    )
    return [
        alternative for alternative in alternatives.find(best) if is_new(page, alternative.plan)
    ]


def is_new(page: BookingForm, plan: Plan) -> bool:
    """Whether a plan differs from the proposal in a time or a practitioner, not just a room."""
    return _times(plan.sessions) != _times(page.planned)


def _times(sessions: Iterable[PlannedSession]) -> list[tuple[int, int]]:
    return [(session.opening.starts_at, session.opening.practitioner_id) for session in sessions]
