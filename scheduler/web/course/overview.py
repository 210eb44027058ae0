"""The main page of a course: the next session, all sessions, texts, scores and undo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from fastapi.responses import HTMLResponse, Response

from scheduler.booking.courses import undo
from scheduler.booking.courses.undo import UndoableChange
from scheduler.booking.events import change_notices
from scheduler.booking.models import CourseState
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked, ngettext
from scheduler.patients import consent
from scheduler.patients.models import Screening
from scheduler.reminders.kinds import timeline
from scheduler.web.course import progress, texts
from scheduler.web.course.course_page import CoursePage, MovedAway
from scheduler.web.site import formatting, view_models

COURSE_NOTICES = {
    "confirmed": marked("Thank you. We look forward to seeing you."),
    "cancelled": marked("The session is cancelled."),
    "course-cancelled": marked("Your course is cancelled."),
    "moved": marked("The session has its new time."),
    "rest": marked("Your sessions have their new times."),
    "back": marked("All is as it was before."),
    "scored": marked("Thank you, we have noted it. If you are worried, please call us."),
}
"""Sentences after an action. The address names the one to show, so nothing has to be stored."""

SESSION_MOVED = marked(
    "This session is at another time now, so nothing was changed. This is your course as it is."
)

P = ParamSpec("P")


@dataclass(frozen=True)
class UndoView:
    """A change that the patient can undo: a sentence about it, and the time until then."""

    id: int
    sentence: str
    until: str


def show(
    page: CoursePage,
    *,
    notices: Sequence[str] = (),
    care: bool = False,
    status: int = 200,
) -> HTMLResponse:
    """The course as it is now. `care`: the notices report a failure."""
    # Other pages of the same course bring their own context.
    page = CoursePage.of(page.visit, page.token, page.course)
    sessions = page.sessions
    upcoming = [session for session in sessions if session.can_cancel]
    entries = timeline.timeline(page.session, page.course, now=page.now)
    change = undo.last(page.session, page.course, now=page.now)
    return page.show(
        "course.html",
        status=status,
        notices=notices,
        care=care,
        undo=_undo(page, change) if change else None,
        next=upcoming[0] if upcoming else None,
        over=_over(page),
        left=len(upcoming),
        total=len(sessions),
        always=view_models.summary(sessions, page.locale).always,
        weeks=view_models.weeks(sessions, page.locale.dates),
        coming=texts.owed(entries, page.locale),
        stopped=consent.is_stopped(page.session, page.patient.phone),
        sent=texts.sent(entries, page.locale),
        left_out=texts.left_out(entries, page.locale),
        progress=progress.of(page),
    )


def refuse(page: CoursePage, notice: str) -> HTMLResponse:
    """The course as it is now, with the reason why nothing was changed."""
    return show(page, notices=[notice], care=True, status=409)


def notices(page: CoursePage, key: str, minute: str = "") -> list[str]:
    """The notice that an address names; `minute`: of the session that it concerns."""
    if key not in COURSE_NOTICES:
        return []
    moved = [
        session for session in page.sessions if str(session.minute) == minute and session.can_cancel
    ]
    if key == "moved" and moved:
        values = {"number": moved[0].number, "when": moved[0].spoken}
        return [_("Session %(number)s is now on %(when)s.") % values]
    return [_(COURSE_NOTICES[key])]


def or_the_course(route: Callable[P, Response]) -> Callable[P, Response]:
    """Wrap a route so that it shows the course if its session has another time by now."""

    @wraps(route)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return route(*args, **kwargs)
        except MovedAway as moved:
            return refuse(moved.page, _(SESSION_MOVED))

    return answer


def _undo(page: CoursePage, change: UndoableChange) -> UndoView:
    until = change.until.astimezone(page.locale.zone).time()
    return UndoView(change.id, _describe(page, change), page.locale.dates.clock(until))


def _describe(page: CoursePage, change: UndoableChange) -> str:
    number = len(change.before)
    first = change.before[0]
    before = page.shown(first.appointment, starts_at=first.starts_at)
    one = {"number": before.number, "when": f"{before.day}, {before.time}"}
    many = {"number": formatting.small(number), "when": one["when"]}
    match change.kind, number:
        case "moved", 1:
            return _("You moved session %(number)s. Before, it was on %(when)s.") % one
        case "moved", _many:
            sentence = _(
                "You moved %(number)s sessions. Before, the first of them was on %(when)s."
            )
            return sentence % many
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


def _over(page: CoursePage) -> str:
    if page.course.state == CourseState.CANCELLED:
        if _is_declined(page):
            return _(
                "A practitioner has looked at your answers. We cannot keep your times, and they are"
                " free for others now. Please call us: we tell you why, and what else may help."
            )
        return _("This course is cancelled. You can book another, or call us.")
    return _("This course is over. We hope that it has helped you.")


def _is_declined(page: CoursePage) -> bool:
    """Whether the clinic, not the patient, ended a course that needed clearance."""
    course = page.course
    answers = page.session.get(Screening, course.screening_id or 0)
    held = answers is not None and answers.needs_clearance and course.cleared_at is None
    return held and change_notices.is_time_notice_open(page.session, course)
