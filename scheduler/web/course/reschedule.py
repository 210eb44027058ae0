"""A patient reschedules one session, or one session and all after it.

The page shows the effect on the rest first. If another patient has taken the time by now, the page
says so and shows the times that are still free. Sending the same form twice has no further effect.
"""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.courses import appointments, reschedule_options, rescheduling
from scheduler.booking.courses.adherence import BreaksPace, ChangePolicy
from scheduler.booking.models import Appointment
from scheduler.booking.pace.refusals import NoPlan
from scheduler.booking.pace.wishes import Opening
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.phrases import errors
from scheduler.web.course.course_page import OPEN, MovedAway, SessionPage
from scheduler.web.course.overview import or_the_course
from scheduler.web.site import forms, view_models
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/my/{token}/sessions/{minute}")

DAYS_TO_RESCHEDULE = 6
WEEKS_LATER = (1, 2, 3)
"""Offered as buttons, so that a patient need not type a date."""

TIME_TAKEN = marked("This time is not free any more. These are the times that are free now.")
SOME_TIMES_TAKEN = marked("Some of these times are not free any more. This is what is free now.")
NO_DATE_CHOSEN = marked("Please choose a date first, and look at the times.")


class ReschedulePage(SessionPage):
    """The pages that give a session, or it and all after it, another time."""

    @property
    def rest(self) -> list[Appointment]:
        """This session and all later ones that have not begun."""
        return rescheduling.rest_of(
            self.session, self.course, from_number=self.appointment.number, now=self.now
        )

    def moved(self, openings: Sequence[Opening]) -> list[SessionView]:
        """This session and all later ones at their new times; empty without `openings`."""
        return [
            self.session_view(
                appointment.number,
                instant_of(opening.starts_at),
                opening.practitioner_id,
                phase=appointment.phase,
            )
            for appointment, opening in zip(self.rest, openings, strict=False)
        ]

    def has_all(self, times: Sequence[tuple[int, int]]) -> bool:
        """Whether the course already has a session at each time: (minute, practitioner id)."""
        booked = {
            (minute_of(appointment.starts_at), appointment.practitioner_id)
            for appointment in self.appointments
            if appointment.state in OPEN
        }
        return set(times) <= booked

    def was_moved_to(self, slot: tuple[int, int]) -> bool:
        """Whether the session already has this time, as after a second press of the button."""
        try:
            self.at(self.minute)
        except MovedAway:
            if self.has_all([slot]):
                return True
            raise
        return False

    def move_to(self, slot: tuple[int, int]) -> bool:
        """Give the session one of the times that are offered. False if it is not free any more."""
        openings = reschedule_options.nearest(self.session, self.appointment, now=self.now)
        if slot not in {(opening.starts_at, opening.practitioner_id) for opening in openings}:
            return False
        self.check_calm()
        try:
            with self.session.begin_nested():
                appointments.move(
                    self.session,
                    self.actor,
                    self.appointment,
                    starts_at=instant_of(slot[0]),
                    practitioner_id=slot[1],
                    policy=ChangePolicy(label="the patient moved a session"),
                    now=self.now,
                )
        except SessionsTaken:  # another booking came between the check and the claim
            return False
        return True

    def move_rest_to(self, times: list[tuple[int, int]]) -> bool:
        """Give this session and all later ones these times. False if some are not free any more."""
        self.check_calm()
        try:
            reschedule_options.go(
                self.session,
                self.actor,
                self.course,
                from_number=self.appointment.number,
                times=times,
                policy=ChangePolicy(allow_later=True, label="the patient moved the rest"),
                now=self.now,
            )
        except (SessionsTaken, BreaksPace, Invalid):
            return False
        return True


@router.get("/move")
@or_the_course
def ask_move(token: str, minute: str, visit: Reading) -> Response:
    """Free times for one session that keep the pace of the course."""
    page = ReschedulePage.open_at(visit, token, minute)
    return _times(page) if page.can_move(page.appointment) else _cannot_move(page)


@router.post("/move")
@or_the_course
def move(token: str, minute: str, visit: Writing, form: Typed) -> Response:
    """Give one session another time."""
    page = ReschedulePage.open_at(visit, token, minute, lock=True)
    try:
        slot = forms.read_slot(form)
    except Invalid as problem:
        return _times(page, {"slot": problem.sentence}, status=422)
    if not page.was_moved_to(slot):
        if not page.can_move(page.appointment):
            return _cannot_move(page)
        if not page.move_to(slot):
            return _times(page, {"slot": _(TIME_TAKEN)}, status=409)
    return page.go(f"?said=moved&at={slot[0]}")


@router.get("/rest")
@or_the_course
def ask_rest(token: str, minute: str, visit: Reading, start_on: str = "") -> Response:
    """Ask for the date on which the rest should continue. With a date, show the new times."""
    page = ReschedulePage.open_at(visit, token, minute)
    return _rest(page, start_on) if page.can_move(page.appointment) else _cannot_move(page)


@router.post("/rest")
@or_the_course
def move_rest(token: str, minute: str, visit: Writing, form: Typed) -> Response:
    """Give a session and all after it the times that the page has shown."""
    page = ReschedulePage.open_at(visit, token, minute, lock=True)
    start_on = form.one("start_on")
    try:
        times = forms.read_slots(form.one("times"))
    except ValueError:
        return _rest(page, start_on, mistake=_(NO_DATE_CHOSEN))
    if not page.has_all(times):
        if not page.can_move(page.appointment):
            return _cannot_move(page)
        if not page.move_rest_to(times):
            return _rest(page, start_on, mistake=_(SOME_TIMES_TAKEN), status=409)
    return page.go(notice="rest")


def _times(
    page: ReschedulePage, mistakes: dict[str, str] | None = None, *, status: int = 200
) -> HTMLResponse:
    openings = reschedule_options.nearest(page.session, page.appointment, now=page.now)
    current = reschedule_options.opening_of(page.session, page.appointment)
    return page.show(
        "reschedule_session.html",
        status=status,
        mistakes=mistakes,
        others=page.others_stay(page.appointment),
        more=len(page.rest) > 1,
        days=page.options(openings, current, days=DAYS_TO_RESCHEDULE),
    )


def _rest(
    page: ReschedulePage, start_on: str, *, mistake: str = "", status: int = 422
) -> HTMLResponse:
    sessions = [page.shown(appointment) for appointment in page.rest]
    openings: list[Opening] = []
    if start_on:
        try:
            openings = _openings(page, start_on)
        except (NoPlan, Invalid) as problem:
            mistake = errors.sentence(problem)
    moved = page.moved(openings)
    first, today = sessions[0].starts_at.date(), page.locale.today
    return page.show(
        "reschedule_rest.html",
        status=status if mistake else 200,
        mistakes={"start_on": mistake} if mistake else None,
        session=sessions[0],
        sessions=translation.sessions(len(sessions)),
        typed={"start_on": start_on or (first + timedelta(weeks=1)).isoformat()},
        least=today.isoformat(),
        last=(today + timedelta(days=page.treatment.horizon_days)).isoformat(),
        choices=[
            ((first + timedelta(weeks=weeks)).isoformat(), translation.weeks(weeks))
            for weeks in WEEKS_LATER
        ],
        weeks=view_models.weeks(moved, page.locale.dates),
        weeks_now=view_models.weeks(sessions, page.locale.dates),
        ends_now=sessions[-1].day,
        ends=moved[-1].day if moved else "",
        times=",".join(f"{opening.starts_at}-{opening.practitioner_id}" for opening in openings),
    )


def _openings(page: ReschedulePage, start_on: str) -> list[Opening]:
    day = forms.read_day(
        start_on, today=page.locale.today, horizon_days=page.treatment.horizon_days
    )
    return reschedule_options.rest_from(
        page.session,
        page.course,
        from_number=page.appointment.number,
        start_on=day,
        now=page.now,
    )


def _cannot_move(page: ReschedulePage) -> HTMLResponse:
    """Why the patient cannot reschedule a session: it has begun, or begins within the notice."""
    return page.show(
        "cannot_reschedule.html",
        status=409,
        hours=translation.hours(page.clinic.cancel_notice_hours),
    )
