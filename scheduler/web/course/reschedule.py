"""Sessions that a patient puts at another time: one, or one and all after it.

What it does to the rest is said before. A time that somebody else has taken meanwhile is told, with
those that are free now; what was done already is not done twice, nor called a mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.courses import appointments, reschedule_options, rescheduling
from scheduler.booking.courses.adherence import BreaksPace, ChangePolicy
from scheduler.booking.models import Appointment
from scheduler.booking.pace.refusals import NoPlan
from scheduler.booking.pace.wishes import Opening
from scheduler.booking.planning import draft_plans
from scheduler.clinic.models import Practitioner
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.phrases import errors
from scheduler.web.course import course_page as folders
from scheduler.web.course.course_page import CoursePage, MovedAway
from scheduler.web.course.overview import or_the_present
from scheduler.web.site import forms, rendering, view_models
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Typed, Visit, Writing

router = APIRouter(prefix="/my/{token}/sessions/{minute}")

DAYS_OFFERED = 6
OPTIONS_A_DAY = 6
LATER_BY = (1, 2, 3)
"""Weeks later that the rest of a course is offered to go on, without a date being typed."""

GONE = marked("This time is not free any more. These are the times that are free now.")
SOME_GONE = marked("Some of these times are not free any more. This is what is free now.")
CHOOSE = marked("Please choose a date first, and look at the times.")


@dataclass
class ReschedulePage:
    """A session that is to be at another time, and where it stands."""

    folder: CoursePage
    appointment: Appointment
    token: str

    @property
    def my(self) -> str:
        """The address of the private page."""
        return f"/my/{self.token}"

    @property
    def base(self) -> str:
        """The address of the session."""
        return f"{self.my}/sessions/{minute_of(self.appointment.starts_at)}"

    @property
    def rest(self) -> list[Appointment]:
        """This session and all after it that are still to come."""
        return rescheduling.rest_of(
            self.folder.visit.session,
            self.folder.course,
            from_number=self.appointment.number,
            now=self.folder.visit.now,
        )

    def name_of(self, practitioner_id: int) -> str:
        """What a practitioner is called."""
        return self.folder.visit.session.get_one(Practitioner, practitioner_id).name

    def shown(self, openings: Sequence[Opening]) -> list[SessionView]:
        """New times of the rest, in words; none where there are none."""
        return [
            view_models.session_view(
                self.folder.place,
                number=each.number,
                phase=each.phase,
                starts_at=instant_of(opening.starts_at),
                minutes=self.folder.treatment.minutes,
                who=self.name_of(opening.practitioner_id),
            )
            for each, opening in zip(self.rest, openings, strict=False)
        ]


@router.get("/move")
@or_the_present
def ask_move(token: str, minute: str, visit: Reading) -> Response:
    """Free times for one session that keep the rhythm of the course."""
    mover = _open(visit, token, minute)
    return _times(mover) if mover.folder.can_move(mover.appointment) else _fixed(mover)


@router.post("/move")
@or_the_present
def move(token: str, minute: str, visit: Writing, form: Typed) -> Response:
    """Put one session at another time."""
    folder = folders.find(visit, token, lock=True)
    try:
        slot = forms.read_slot(form)
    except Invalid as wrong:
        mover = ReschedulePage(folder, folder.at(minute), token)
        return _times(mover, {"slot": wrong.sentence}, status=422)
    done = rendering.go(f"/my/{token}?said=moved&at={slot[0]}")
    try:
        mover = ReschedulePage(folder, folder.at(minute), token)
    except MovedAway:
        if _are_there(folder, [slot]):
            return done  # the button was pressed twice
        raise
    if not folder.can_move(mover.appointment):
        return _fixed(mover)
    if slot not in {
        (each.starts_at, each.practitioner_id)
        for each in reschedule_options.nearest(visit.session, mover.appointment, now=visit.now)
    }:
        return _times(mover, {"slot": _(GONE)}, status=409)
    folder.check_calm()
    try:
        with visit.session.begin_nested():
            appointments.move(
                visit.session,
                folder.actor,
                mover.appointment,
                starts_at=instant_of(slot[0]),
                practitioner_id=slot[1],
                terms=ChangePolicy(deed="the patient moved a session"),
                now=visit.now,
            )
    except SessionsTaken:  # somebody was quicker between the look and the claim
        return _times(mover, {"slot": _(GONE)}, status=409)
    return done


@router.get("/rest")
@or_the_present
def ask_rest(token: str, minute: str, visit: Reading, start_on: str = "") -> Response:
    """From when on a session and all after it are to be; with a date, where they would be."""
    mover = _open(visit, token, minute)
    return _rest(mover, start_on) if mover.folder.can_move(mover.appointment) else _fixed(mover)


@router.post("/rest")
@or_the_present
def move_rest(token: str, minute: str, visit: Writing, form: Typed) -> Response:
    """Put a session and all after it where the page has shown them."""
    folder = folders.find(visit, token, lock=True)
    start_on = form.one("start_on")
    try:
        times = forms.read_slots(form.one("times"))
    except ValueError:
        return _rest(ReschedulePage(folder, folder.at(minute), token), start_on, said=_(CHOOSE))
    done = rendering.go(f"/my/{token}?said=rest")
    if _are_there(folder, times):
        return done
    mover = ReschedulePage(folder, folder.at(minute), token)
    if not folder.can_move(mover.appointment):
        return _fixed(mover)
    folder.check_calm()
    try:
        reschedule_options.go(
            visit.session,
            folder.actor,
            folder.course,
            from_number=mover.appointment.number,
            times=times,
            terms=ChangePolicy(later=True, deed="the patient moved the rest"),
            now=visit.now,
        )
    except (SessionsTaken, BreaksPace, Invalid):
        return _rest(mover, start_on, said=_(SOME_GONE), status=409)
    return done


def _times(
    mover: ReschedulePage, mistakes: dict[str, str] | None = None, *, status: int = 200
) -> HTMLResponse:
    folder, session = mover.folder, mover.folder.visit.session
    found = reschedule_options.nearest(session, mover.appointment, now=folder.visit.now)
    current = reschedule_options.opening_of(session, mover.appointment)
    return folders.page(
        folder,
        "move.html",
        status=status,
        mistakes=mistakes or {},
        my=mover.my,
        base=mover.base,
        session=folder.shown(mover.appointment),
        others=folder.others_stay(mover.appointment),
        more=len(mover.rest) > 1,
        days=view_models.options(
            draft_plans.by_day(found, current, days=DAYS_OFFERED, a_day=OPTIONS_A_DAY),
            folder.place,
            minutes=folder.treatment.minutes,
            name_of=mover.name_of,
        ),
    )


def _rest(
    mover: ReschedulePage, start_on: str, *, said: str = "", status: int = 422
) -> HTMLResponse:
    folder = mover.folder
    now = [folder.shown(each) for each in mover.rest]
    openings: list[Opening] = []
    mistakes = {"start_on": said} if said else {}
    if start_on:
        try:
            openings = _found(mover, start_on)
        except (NoPlan, Invalid) as none:
            mistakes = {"start_on": errors.sentence(none)}
    planned = mover.shown(openings)
    first, today = now[0].starts_at.date(), folder.place.today
    return folders.page(
        folder,
        "rest.html",
        status=status if mistakes else 200,
        mistakes=mistakes,
        my=mover.my,
        base=mover.base,
        session=now[0],
        sessions=translation.sessions(len(now)),
        typed={"start_on": start_on or (first + timedelta(weeks=1)).isoformat()},
        least=today.isoformat(),
        last=(today + timedelta(days=folder.treatment.horizon_days)).isoformat(),
        choices=[
            ((first + timedelta(weeks=later)).isoformat(), translation.weeks(later))
            for later in LATER_BY
        ],
        weeks=view_models.weeks(planned, folder.place.manner),
        weeks_now=view_models.weeks(now, folder.place.manner),
        ends_now=now[-1].day,
        ends=planned[-1].day if planned else "",
        times=",".join(f"{opening.starts_at}-{opening.practitioner_id}" for opening in openings),
    )


def _found(mover: ReschedulePage, start_on: str) -> list[Opening]:
    folder = mover.folder
    day = forms.read_day(
        start_on, today=folder.place.today, horizon_days=folder.treatment.horizon_days
    )
    return reschedule_options.rest_from(
        folder.visit.session,
        folder.course,
        from_number=mover.appointment.number,
        start_on=day,
        now=folder.visit.now,
    )


def _fixed(mover: ReschedulePage) -> HTMLResponse:
    """Why a session can have no other time here: it is over, or nearer than the notice."""
    folder = mover.folder
    return folders.page(
        folder,
        "fixed.html",
        status=409,
        my=mover.my,
        base=mover.base,
        session=folder.shown(mover.appointment),
        hours=translation.hours(folder.clinic.cancel_notice_hours),
    )


def _open(visit: Visit, token: str, minute: str) -> ReschedulePage:
    folder = folders.find(visit, token)
    return ReschedulePage(folder, folder.at(minute), token)


def _are_there(folder: CoursePage, times: Sequence[tuple[int, int]]) -> bool:
    """Whether the course has sessions at all of these times already."""
    there = {
        (minute_of(appointment.starts_at), appointment.practitioner_id)
        for appointment in folder.appointments
        if appointment.state in folders.OPEN
    }
    return set(times) <= there
