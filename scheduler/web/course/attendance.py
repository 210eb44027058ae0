"""A patient confirms a session, cancels one or all remaining ones, or undoes the last change."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.courses import appointments, courses
from scheduler.booking.courses import undo as course_undo
from scheduler.booking.courses.undo import TimeGone, TooLateToUndo
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked, ngettext
from scheduler.web.course import overview
from scheduler.web.course.course_page import CoursePage, SessionPage
from scheduler.web.course.overview import or_the_course
from scheduler.web.site import formatting
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/my/{token}")

CANCEL_REASON = "cancelled by the patient"
SESSION_OVER = marked(
    "This session is cancelled or has begun already, so nothing was changed. This is your course as"
    " it is."
)
COURSE_CHANGED = marked("Your course has changed meanwhile. Please look at it again.")
OLD_TIME_TAKEN = marked(
    "Somebody else has the old time now, so it cannot be taken back. This is your course as it is."
)
UNDO_TOO_LATE = marked("This cannot be taken back any more. This is your course as it is.")


@router.post("/sessions/{minute}/confirmation")
@or_the_course
def confirm(token: str, minute: str, visit: Writing) -> Response:
    """Confirm a session."""
    page = SessionPage.open_at(visit, token, minute, lock=True)
    if not page.view.can_cancel:
        return overview.refuse(page, _(SESSION_OVER))
    appointments.confirm(visit.session, page.actor, page.appointment, now=visit.now)
    return page.go(notice="confirmed")


@router.get("/sessions/{minute}/cancellation")
@or_the_course
def ask_cancellation(token: str, minute: str, visit: Reading) -> Response:
    """The effects of cancelling a session, and the button."""
    page = SessionPage.open_at(visit, token, minute)
    if not page.view.can_cancel:
        return page.go()
    return page.show(
        "cancel_session.html",
        others=page.others_stay(page.appointment)
        or _("It is the last one: nothing of this course is left then."),
        late=page.is_late(page.appointment),
        hours=translation.hours(page.clinic.cancel_notice_hours),
    )


@router.post("/sessions/{minute}/cancellation")
@or_the_course
def cancel(token: str, minute: str, visit: Writing) -> Response:
    """Cancel a session. Sending it twice has no further effect."""
    page = SessionPage.open_at(visit, token, minute, lock=True)
    if page.appointment.starts_at <= visit.now:
        return overview.refuse(page, _(SESSION_OVER))
    appointments.cancel(
        visit.session, page.actor, page.appointment, reason=CANCEL_REASON, now=visit.now
    )
    return page.go(notice="cancelled")


@router.get("/cancellation")
def ask_to_end(token: str, visit: Reading) -> Response:
    """The effects of cancelling all remaining sessions, and the button."""
    page = CoursePage.open(visit, token)
    return _cancel_course(page) if _remaining(page) else page.go()


@router.post("/cancellation")
def end(token: str, visit: Writing, form: Typed) -> Response:
    """Cancel all remaining sessions. Sending it twice has no further effect."""
    page = CoursePage.open(visit, token, lock=True)
    remaining = _remaining(page)
    if remaining and form.one("sessions") != _minutes(remaining):
        return _cancel_course(page, mistakes={"": _(COURSE_CHANGED)})
    if remaining:
        courses.cancel(visit.session, page.actor, page.course, reason=CANCEL_REASON, now=visit.now)
    return page.go(notice="course-cancelled")


@router.post("/undo")
def undo(token: str, visit: Writing, form: Typed) -> Response:
    """Undo the last change. Sending it twice has no further effect."""
    page = CoursePage.open(visit, token, lock=True)
    page.check_calm()
    typed = form.one("change")
    change_id = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 12 else 0
    try:
        course_undo.take_back(visit.session, page.actor, page.course, change_id, now=visit.now)
    except TimeGone:
        return overview.refuse(page, _(OLD_TIME_TAKEN))
    except TooLateToUndo:
        return overview.refuse(page, _(UNDO_TOO_LATE))
    return page.go(notice="back")


def _remaining(page: CoursePage) -> list[SessionView]:
    """The sessions that can still be cancelled."""
    return [session for session in page.sessions if session.can_cancel]


def _minutes(sessions: list[SessionView]) -> str:
    """Sessions as the form sends them back, so that a form that has gone stale is noticed."""
    return ",".join(str(session.minute) for session in sessions)


def _cancel_course(page: CoursePage, *, mistakes: dict[str, str] | None = None) -> HTMLResponse:
    remaining = _remaining(page)
    return page.show(
        "cancel_course.html",
        status=409 if mistakes else 200,
        mistakes=mistakes,
        remaining=remaining,
        sessions=_minutes(remaining),
        number=ngettext(
            "This cancels %(number)s session:",
            "This cancels %(number)s sessions:",
            len(remaining),
        )
        % {"number": formatting.small(len(remaining))},
        late=not remaining[0].can_move,
        hours=translation.hours(page.clinic.cancel_notice_hours),
    )
