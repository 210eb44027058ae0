"""The private page of a course: the next session first, then all of it, its texts, its scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from fastapi.responses import HTMLResponse, Response

from scheduler.booking.courses import undo
from scheduler.booking.courses.undo import UndoableChange
from scheduler.booking.models import CourseState
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked, ngettext
from scheduler.patients import consent
from scheduler.patients.models import Screening
from scheduler.reminders.kinds import timeline
from scheduler.web.course import course_page as folders
from scheduler.web.course import progress, texts
from scheduler.web.course.course_page import CoursePage, MovedAway
from scheduler.web.site import formatting, view_models

SAID = {
    "confirmed": marked("Thank you. We look forward to seeing you."),
    "cancelled": marked("The session is cancelled."),
    "course-cancelled": marked("Your course is cancelled."),
    "moved": marked("The session has its new time."),
    "rest": marked("Your sessions have their new times."),
    "back": marked("All is as it was before."),
    "scored": marked("Thank you, we have noted it. If you are worried, please call us."),
}
"""What a page says after a deed; the address names it, so that the page itself needs no memory."""

MOVED = marked(
    "This session is at another time now, so nothing was changed. This is your course as it is."
)

P = ParamSpec("P")


@dataclass(frozen=True)
class UndoView:
    """A change that can be taken back: what it was, what was before, until when."""

    id: int
    what: str
    until: str


def page(
    folder: CoursePage,
    token: str,
    *,
    notices: Sequence[str] = (),
    care: bool = False,
    status: int = 200,
) -> HTMLResponse:
    """The course as it is now. `care`: what the notices say did not go as it was meant."""
    visit = folder.visit
    sessions = folder.sessions
    coming = [appointment for appointment in sessions if appointment.can_cancel]
    entries = timeline.timeline(visit.session, folder.course, now=visit.now)
    change = undo.last(visit.session, folder.course, now=visit.now)
    return folders.page(
        folder,
        "my.html",
        status=status,
        base=f"/my/{token}",
        my=f"/my/{token}",
        notices=notices,
        care=care,
        undo=_undo(folder, change) if change else None,
        next=coming[0] if coming else None,
        over=_over(folder),
        left=len(coming),
        total=len(sessions),
        always=view_models.summary(sessions, folder.place).always,
        weeks=view_models.weeks(sessions, folder.place.manner),
        coming=texts.owed(entries, folder.place),
        stopped=consent.is_stopped(visit.session, folder.patient.phone),
        sent=texts.sent(entries, folder.place),
        left_out=texts.left_out(entries, folder.place),
        progress=progress.of(folder),
        mistakes={},
    )


def told(folder: CoursePage, said: str, at: str = "") -> list[str]:
    """What to tell after a deed; `at`: the minute of the session that it was about."""
    if said not in SAID:
        return []
    there = [
        appointment
        for appointment in folder.sessions
        if str(appointment.minute) == at and appointment.can_cancel
    ]
    if said == "moved" and there:
        now = {"number": there[0].number, "when": there[0].spoken}
        return [_("Session %(number)s is now on %(when)s.") % now]
    return [_(SAID[said])]


def or_the_present(route: Callable[P, Response]) -> Callable[P, Response]:
    """A route that shows the course as it is, where the page before it showed what is no more."""

    @wraps(route)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return route(*args, **kwargs)
        except MovedAway as moved:
            token = str(kwargs["token"])
            return page(moved.folder, token, notices=[_(MOVED)], care=True, status=409)

    return answer


def _undo(folder: CoursePage, change: UndoableChange) -> UndoView:
    until = change.until.astimezone(folder.place.zone).time()
    return UndoView(change.id, _what(folder, change), folder.place.manner.clock(until))


def _what(folder: CoursePage, change: UndoableChange) -> str:
    number = len(change.before)
    first = change.before[0]
    was = folder.shown(first.appointment, starts_at=first.starts_at)
    one = {"number": was.number, "when": f"{was.day}, {was.time}"}
    many = {"number": formatting.small(number), "when": one["when"]}
    match change.kind, number:
        case "moved", 1:
            return _("You moved session %(number)s. Before, it was on %(when)s.") % one
        case "moved", _many:
            told = _("You moved %(number)s sessions. Before, the first of them was on %(when)s.")
            return told % many
        case "cancelled", _one:
            return _("You cancelled session %(number)s, on %(when)s.") % one
        case _:
            return (
                ngettext(
                    "You cancelled your course: %(number)s session, on %(when)s.",
                    "You cancelled your course: %(number)s sessions, the first on %(when)s.",
                    number,
                )
                % many
            )


def _over(folder: CoursePage) -> str:
    if folder.course.state == CourseState.CANCELLED:
        if _is_declined(folder):
            return _(
                "A practitioner has looked at your answers. We cannot keep your times, and they are"
                " free for others now. Please call us: we tell you why, and what else may help."
            )
        return _("This course is cancelled. You can book another, or call us.")
    return _("This course is over. We hope that it has helped you.")


def _is_declined(folder: CoursePage) -> bool:
    """Whether the clinic, and not the patient, ended a course that waited for its answers."""
    course = folder.course
    answers = folder.visit.session.get(Screening, course.screening_id or 0)
    held = answers is not None and answers.needs_clearance and course.cleared_at is None
    return held and any(appointment.news_at for appointment in folder.appointments)
