"""What a patient says about coming: yes, not to one session, to none that is left, and "undo"."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.courses import appointments, courses
from scheduler.booking.courses import undo as course_undo
from scheduler.booking.courses.undo import TimeGone, TooLateToUndo
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked, ngettext
from scheduler.web.course import course_page as folders
from scheduler.web.course import overview
from scheduler.web.course.course_page import CoursePage
from scheduler.web.course.overview import or_the_present
from scheduler.web.site import formatting, rendering
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/my/{token}")

WHY = "cancelled by the patient"
PAST = marked(
    "This session is cancelled or has begun already, so nothing was changed. This is your course as"
    " it is."
)
CHANGED = marked("Your course has changed meanwhile. Please look at it again.")
GONE = marked(
    "Somebody else has the old time now, so it cannot be taken back. This is your course as it is."
)
TOO_LATE = marked("This cannot be taken back any more. This is your course as it is.")


@router.post("/sessions/{minute}/confirmation")
@or_the_present
def confirm(token: str, minute: str, visit: Writing) -> Response:
    """The patient will come."""
    folder = folders.find(visit, token, lock=True)
    appointment = folder.at(minute)
    if not folder.shown(appointment).can_cancel:
        return _past(folder, token)
    appointments.confirm(visit.session, folder.actor, appointment, now=visit.now)
    return rendering.go(f"/my/{token}?said=confirmed")


@router.get("/sessions/{minute}/cancellation")
@or_the_present
def ask_cancellation(token: str, minute: str, visit: Reading) -> Response:
    """What it means to cancel a session."""
    folder = folders.find(visit, token)
    appointment = folder.at(minute)
    session = folder.shown(appointment)
    if not session.can_cancel:
        return rendering.go(f"/my/{token}")
    return folders.page(
        folder,
        "cancel.html",
        base=f"/my/{token}",
        my=f"/my/{token}",
        session=session,
        others=folder.others_stay(appointment)
        or _("It is the last one: nothing of this course is left then."),
        late=folder.is_late(appointment),
        hours=translation.hours(folder.clinic.cancel_notice_hours),
    )


@router.post("/sessions/{minute}/cancellation")
@or_the_present
def cancel(token: str, minute: str, visit: Writing) -> Response:
    """The patient cannot come. Saying it twice changes nothing."""
    folder = folders.find(visit, token, lock=True)
    appointment = folder.at(minute)
    if appointment.starts_at <= visit.now:
        return _past(folder, token)
    appointments.cancel(visit.session, folder.actor, appointment, reason=WHY, now=visit.now)
    return rendering.go(f"/my/{token}?said=cancelled")


@router.get("/cancellation")
def ask_to_end(token: str, visit: Reading) -> Response:
    """What it means to cancel all that is left."""
    folder = folders.find(visit, token)
    return _end(folder, token) if _left(folder) else rendering.go(f"/my/{token}")


@router.post("/cancellation")
def end(token: str, visit: Writing, form: Typed) -> Response:
    """The patient comes no more. Saying it twice changes nothing."""
    folder = folders.find(visit, token, lock=True)
    left = _left(folder)
    if left and form.one("sessions") != _as_shown(left):
        return _end(folder, token, mistakes={"": _(CHANGED)})
    if left:
        courses.cancel(visit.session, folder.actor, folder.course, reason=WHY, now=visit.now)
    return rendering.go(f"/my/{token}?said=course-cancelled")


@router.post("/undo")
def undo(token: str, visit: Writing, form: Typed) -> Response:
    """Put all as it was before the last change. Saying it twice changes nothing."""
    folder = folders.find(visit, token, lock=True)
    folder.check_calm()
    typed = form.one("change")
    change_id = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 12 else 0
    try:
        course_undo.take_back(visit.session, folder.actor, folder.course, change_id, now=visit.now)
    except TimeGone:
        return overview.page(folder, token, notices=[_(GONE)], care=True, status=409)
    except TooLateToUndo:
        return overview.page(folder, token, notices=[_(TOO_LATE)], care=True, status=409)
    return rendering.go(f"/my/{token}?said=back")


def _past(folder: CoursePage, token: str) -> HTMLResponse:
    return overview.page(folder, token, notices=[_(PAST)], care=True, status=409)


def _left(folder: CoursePage) -> list[SessionView]:
    """The sessions that can still be cancelled."""
    return [appointment for appointment in folder.sessions if appointment.can_cancel]


def _as_shown(left: list[SessionView]) -> str:
    return ",".join(str(each.minute) for each in left)


def _end(folder: CoursePage, token: str, *, mistakes: dict[str, str] | None = None) -> HTMLResponse:
    left = _left(folder)
    return folders.page(
        folder,
        "end.html",
        status=409 if mistakes else 200,
        mistakes=mistakes or {},
        my=f"/my/{token}",
        left=left,
        sessions=_as_shown(left),
        number=ngettext(
            "This cancels %(number)s session:",
            "This cancels %(number)s sessions:",
            len(left),
        )
        % {"number": formatting.small(len(left))},
        late=not left[0].can_move,
        hours=translation.hours(folder.clinic.cancel_notice_hours),
    )
