"""Plans for booking forms, worked out before the request takes its turn to write.

A plan takes up to seconds, and SQLite has a single writer: a plan made in its turn would keep staff
waiting. So a dependency that stands before the writing one reads the calendars and plans; the route
then adopts the plan, which checks its times again and holds them.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Annotated

import anyio
from fastapi import Depends, Request

from scheduler.booking.availability.search import Ignoring
from scheduler.booking.pace import alternatives
from scheduler.booking.pace.alternatives import Alternative
from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.refusals import NoPlan, TooTangled
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import draft_plans, plan_course
from scheduler.booking.stored_values import DraftAnswers
from scheduler.clinic.phases import Phase
from scheduler.http.context import context_of
from scheduler.infra.errors import TooMany
from scheduler.web.booking import form_session, plan_buttons
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.site import visit
from scheduler.web.site.forms import Mistakes
from scheduler.web.site.visit import Typed

LONGEST_WAIT = 10
"""Seconds that a request waits for a place to plan."""


@dataclass(frozen=True)
class Ahead:
    """A plan or alternatives, or why there are none. Empty: the request asks for no plan."""

    plan: Plan | None = None
    alternatives: tuple[Alternative, ...] = ()
    problem: NoPlan | TooTangled | None = None
    seen: DraftAnswers | None = None
    """The answers of the form that it was worked out for"""

    def is_of(self, page: BookingForm) -> bool:
        """Whether the form is still as it was: another tab may have changed it since."""
        return self.seen == page.answers

    def result(self) -> Plan | None:
        """The plan. Raises the problem that kept it from being found."""
        if self.problem is not None:
            raise self.problem
        return self.plan


class ManyPlans(TooMany):
    sentence = "Many people are planning a course right now. Please try again in a moment."


async def take_place(request: Request) -> AsyncIterator[None]:
    """Wait for a place to plan, without holding a thread. Raises ManyPlans."""
    places = context_of(request).planning
    try:
        with anyio.fail_after(LONGEST_WAIT):
            await places.acquire()
    except TimeoutError as problem:
        raise ManyPlans(retry_after=LONGEST_WAIT) from problem
    try:
        yield
    finally:
        places.release()


PlaceTaken = Annotated[None, Depends(take_place, scope="function")]


def for_wishes(token: str, request: Request, form: Typed, _place: PlaceTaken) -> Ahead:
    """The best plan for the wishes of a form that is being sent."""
    with visit.opened(request) as reading:
        page = BookingForm.open(reading, token, "wishes")
        try:
            wished = form_session.read_wishes(page, form)
        except Mistakes:
            return Ahead()
        wishes = form_session.for_planner(form_session.wishes_as_kept(wished))
        # New wishes start again from the treatment's own pace.
        return _plan(page, wishes, plan_course.phases_of(page.treatment))


def for_remedy(token: str, request: Request, form: Typed, _place: PlaceTaken) -> Ahead:
    """The plan that a remedy makes possible."""
    with visit.opened(request) as reading:
        page = BookingForm.open(reading, token, "wishes")
        remedy = page.remedy(form.one("kind"))
        if remedy is None:
            return Ahead()
        wished, phases = page.with_remedy(remedy)
        agreed = phases or draft_plans.agreed(page.enquiry, page.treatment)
        found = _plan(page, form_session.for_planner(wished), list(agreed))
        return replace(found, seen=page.answers)


def for_other_plan(token: str, request: Request, form: Typed, _place: PlaceTaken) -> Ahead:
    """The plan of a button, or the alternatives to the current one."""
    with visit.opened(request) as reading:
        page = BookingForm.open(reading, token, "plan")
        key = form.one("how")
        if key in alternatives.KINDS:
            found = _worked_out(
                lambda: Ahead(alternatives=tuple(plan_buttons.alternatives_to(page)))
            )
            return replace(found, seen=page.answers)
        button = plan_buttons.find(page, key)
        if button is None:
            return Ahead()
        agreed = draft_plans.agreed(page.enquiry, page.treatment)
        return replace(_plan(page, button.wishes, agreed), seen=page.answers)


AheadOfWishes = Annotated[Ahead, Depends(for_wishes, scope="function")]
AheadOfRemedy = Annotated[Ahead, Depends(for_remedy, scope="function")]
AheadOfOtherPlan = Annotated[Ahead, Depends(for_other_plan, scope="function")]


def _plan(page: BookingForm, wishes: Wishes, agreed: list[Phase]) -> Ahead:
    return _worked_out(
        lambda: Ahead(
            plan_course.propose(
                page.session,
                page.treatment,
                wishes,
                now=page.now,
                agreed=agreed,
                ignoring=Ignoring(page.enquiry.hold_id),
            )
        )
    )


def _worked_out(attempt: Callable[[], Ahead]) -> Ahead:
    try:
        return attempt()
    except (NoPlan, TooTangled) as problem:
        return Ahead(problem=problem)
