"""The private pages of a course: opened by the token in their address.

A person who has the address may do what the pages offer, and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Self

from scheduler.booking.courses import courses, private_links, undo
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Clinic, Treatment
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked, ngettext
from scheduler.infra.errors import Conflict, NotFound, TooMany
from scheduler.infra.intervals import minute_of
from scheduler.patients.models import Patient
from scheduler.storage import links
from scheduler.web.site import formatting, view_models
from scheduler.web.site.page import PrivatePage
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Visit

TAGS = {
    AppointmentState.BOOKED: "",
    AppointmentState.CONFIRMED: marked("confirmed"),
    AppointmentState.ARRIVED: marked("under way"),
    AppointmentState.COMPLETED: marked("done"),
    AppointmentState.CANCELLED: marked("cancelled"),
    AppointmentState.NO_SHOW: marked("missed"),
}
OPEN = frozenset({AppointmentState.BOOKED, AppointmentState.CONFIRMED})


class MovedAway(Conflict):
    sentence = "This session is at another time now. Please look at your course again."

    def __init__(self, page: "CoursePage") -> None:
        super().__init__()
        self.page = page


@dataclass
class CoursePage(PrivatePage):
    """The pages about a course."""

    PREFIX = "/my"

    course: Course
    patient: Patient

    @classmethod
    def open(cls, visit: Visit, token: str, *, lock: bool = False) -> Self:
        """The pages behind a private link; NoSuchLink alike for unknown and expired links.

        `lock`: the course will be changed, so a second request waits and sees the
        changes of the first.
        """
        link = links.follow(visit.session, token, purpose=private_links.COURSE_LINK, now=visit.now)
        if lock:
            courses.lock(visit.session, link.subject_id)
        return cls.of(visit, token, visit.session.get_one(Course, link.subject_id))

    @classmethod
    def of(cls, visit: Visit, token: str, course: Course) -> Self:
        """The pages of a course; `token`: of its private link."""
        return cls(
            visit,
            token,
            visit.session.get_one(Clinic, course.clinic_id),
            visit.session.get_one(Treatment, course.treatment_id),
            course,
            visit.session.get_one(Patient, course.patient_id),
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """The patient's language, else the clinic's."""
        return self.patient.language, self.clinic.language

    @cached_property
    def appointments(self) -> list[Appointment]:
        """The sessions of the course, in order."""
        return courses.appointments_of(self.session, self.course)

    @property
    def sessions(self) -> list[SessionView]:
        """The sessions of the course in words."""
        return [self.shown(appointment) for appointment in self.appointments]

    def shown(self, appointment: Appointment, *, starts_at: datetime | None = None) -> SessionView:
        """A session in words, with what the patient can do about it.

        `starts_at`: show it as if it began then.
        """
        view = self.session_view(
            appointment.number,
            starts_at or appointment.starts_at,
            appointment.practitioner_id,
            phase=appointment.phase,
            minutes=int((appointment.ends_at - appointment.starts_at).total_seconds()) // 60,
            state=appointment.state,
        )
        return view_models.tagged(
            view,
            _(TAGS[AppointmentState(appointment.state)]),
            can_cancel=appointment.state in OPEN and appointment.starts_at > self.now,
            can_move=self.can_move(appointment),
        )

    def can_move(self, appointment: Appointment) -> bool:
        """Whether the patient can reschedule a session without a call.

        Not within the clinic's notice period, because no other patient could take the time then.
        """
        return appointment.state in OPEN and not self.is_late(appointment)

    def is_late(self, appointment: Appointment) -> bool:
        """Whether a session begins within the clinic's notice period."""
        notice = timedelta(hours=self.clinic.cancel_notice_hours)
        return appointment.starts_at <= self.now + notice

    def check_calm(self) -> None:
        """Raise TooMany if the patient has changed the times of the course very often today."""
        changes = undo.changes_of_the_day(self.session, self.course, now=self.now)
        if changes >= undo.MOST:
            raise TooMany(
                _(
                    "You have changed this course %(times)s times within a day. Please call us to"
                    " change it again."
                )
                % {"times": formatting.small(changes)},
                retry_after=3600,
            )

    def others_stay(self, changed: Appointment) -> str:
        """A sentence about the other sessions in the future; empty if there are none."""
        others = [
            appointment
            for appointment in self.appointments
            if appointment.state in OPEN
            and appointment.starts_at > self.now
            and appointment.id != changed.id
        ]
        if not others:
            return ""
        return ngettext(
            "Your other session stays as it is.",
            "Your other %(number)s sessions stay as they are.",
            len(others),
        ) % {"number": formatting.small(len(others))}

    def at(self, typed_minute: str) -> Appointment:
        """The session that begins in the UTC minute from an address; NotFound, MovedAway.

        Addresses hold the minute because numbers follow the calendar: an old page could otherwise
        cancel another session than the one it showed.
        """
        if not (typed_minute.isascii() and typed_minute.isdecimal() and len(typed_minute) < 12):
            raise NotFound
        matches = [
            appointment
            for appointment in self.appointments
            if minute_of(appointment.starts_at) == int(typed_minute)
        ]
        if not matches:
            raise MovedAway(self)
        return min(matches, key=lambda match: match.state == AppointmentState.CANCELLED)

    def calendar(self) -> str:
        """The address of the calendar file; empty if the course has none yet."""
        link = private_links.link_to(
            self.session, self.course, purpose=private_links.CALENDAR, now=self.now
        )
        if link is None:
            return ""
        return f"/calendars/{links.token_of(self.visit.settings.secret_key, link.nonce)}.ics"

    @property
    def needs_clearance(self) -> bool:
        """Whether a practitioner must still look at the patient's answers."""
        return self.course.state == CourseState.NEEDS_CLEARANCE

    def context(self) -> dict[str, Any]:
        """The template variables of every page about the course."""
        return super().context() | {
            "my": self.address,
            "needs_clearance": self.needs_clearance,
            "consent": self.patient.sms_consent,
            "calendar": self.calendar(),
        }


@dataclass
class SessionPage(CoursePage):
    """The pages about one session of a course."""

    minute: str = ""
    """The UTC minute in which the session begins, as the address has it."""

    @classmethod
    def open_at(cls, visit: Visit, token: str, minute: str, *, lock: bool = False) -> Self:
        """The pages about the session that begins in this minute; `lock` as in `open`."""
        page = cls.open(visit, token, lock=lock)
        page.minute = minute
        return page

    @cached_property
    def appointment(self) -> Appointment:
        """The session; NotFound, MovedAway."""
        return self.at(self.minute)

    @property
    def view(self) -> SessionView:
        """The session in words."""
        return self.shown(self.appointment)

    def context(self) -> dict[str, Any]:
        """The template variables of every page about one session."""
        base = f"{self.address}/sessions/{minute_of(self.appointment.starts_at)}"
        return super().context() | {"base": base, "session": self.view}
