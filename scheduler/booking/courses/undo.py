"""What a patient has just done to a course, and taking it back while the old times are free.

What was is read from the audit trail: there is no second record that could differ from it. One
change is what one request did, be it one session or all of a course.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, and_, col, or_, select

from scheduler.audit.audit_trail import Actor, AuditEntry
from scheduler.booking.availability.allocation import RequestedTime, SessionsTaken
from scheduler.booking.courses import change_notices, courses, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.states import EXPECTED
from scheduler.infra.errors import Conflict, Invalid
from scheduler.storage.database import stored_id

WITHIN = timedelta(minutes=30)
"""For how long a change can be taken back."""

MOST = 10
"""How often a patient may change the times of a course within a day, changes back included."""

OF_A_SESSION = ("moved", "is cancelled")
OF_A_COURSE = ("cancelled", "took back", "shifted", "planned anew", "extended", "made up")


class TooLateToUndo(Conflict):
    sentence = "This cannot be taken back any more: something has changed since."


class TimeGone(Conflict):
    sentence = "Somebody else has this time now, so it cannot be taken back."


@dataclass(frozen=True)
class PreviousState:
    """What a session had before a change."""

    appointment: Appointment
    starts_at: datetime
    practitioner_id: int
    state: str
    untold: dict[str, Any]
    """what there was to tell of it: see `news`"""


@dataclass(frozen=True)
class UndoableChange:
    """The last change of a course, by its patient; `kind`: moved, cancelled or course cancelled."""

    id: int
    """of its first entry in the audit trail"""
    kind: str
    until: datetime
    """when it can be taken back no more"""
    before: Sequence[PreviousState]
    entries: Sequence[AuditEntry]


def last(session: Session, course: Course, *, now: datetime) -> UndoableChange | None:
    """The change that can be taken back: the last one, where the patient made it just now."""
    found = _entries(session, course, since=now - WITHIN)
    if not found or found[-1].actor_kind != "patient" or found[-1].deed == "took back":
        return None
    made = (found[-1].request_id, found[-1].at)
    entries = [each for each in found if (each.request_id, each.at) == made]
    sessions = {
        stored_id(appointment.id): appointment
        for appointment in courses.appointments_of(session, course)
    }
    before = [was for entry in entries for was in _before(entry, sessions)]
    if not before or any(
        was.starts_at <= now or not _is_as_it_was_left(was, entries) for was in before
    ):
        return None
    first = entries[0]
    return UndoableChange(stored_id(first.id), _kind(entries), first.at + WITHIN, before, entries)


def take_back(
    session: Session, actor: Actor, course: Course, change_id: int, *, now: datetime
) -> bool:
    """Put all as it was before a change, in one go. False: that was done already.

    TooLateToUndo where it is not the last change, or too long ago; TimeGone where somebody has
    one of the old times. Nothing is changed then.
    """
    change = last(session, course, now=now)
    if change is None or change.id != change_id:
        if change is None and _was_taken_back(session, course, change_id):
            return False
        raise TooLateToUndo
    try:
        with session.begin_nested():
            _put_back(session, actor, course, change, now)
    except (SessionsTaken, Invalid) as gone:
        raise TimeGone from gone
    courses.record(
        session,
        actor,
        "took back",
        course,
        now,
        of=change.id,
        was=change.kind,
        sessions=sorted(each.appointment.number for each in change.before),
    )
    return True


def changes_of_the_day(session: Session, course: Course, *, now: datetime) -> int:
    """How often the patient has changed times of a course in the last 24 hours.

    Cancelling is never too often, and does not count; taking it back does.
    """
    found = _entries(session, course, since=now - timedelta(days=1))
    return len(
        {
            (each.request_id, each.at)
            for each in found
            if each.actor_kind == "patient" and each.deed not in {"is cancelled", "cancelled"}
        }
    )


def _put_back(
    session: Session, actor: Actor, course: Course, change: UndoableChange, now: datetime
) -> None:
    details = change.entries[0].details
    if change.kind != "moved":
        course.state, course.cancel_reason = details["course_before"], ""
        course.marks = details.get("marks", course.marks)
        session.add(course)
    wanted = [
        RequestedTime(was.appointment.number, was.starts_at, was.practitioner_id)
        for was in change.before
    ]
    moved = [was.appointment for was in change.before]
    for was in change.before:
        was.appointment.state, was.appointment.cancelled_late = was.state, False
        session.add(was.appointment)
    means = rescheduling.resources_of(session, course)
    part = rescheduling.Reschedule(course, means, moved, wanted, "change", held=True)
    terms = ChangePolicy(back=True, deed="a change was taken back")
    rescheduling.reschedule(session, actor, [part], terms=terms, now=now)
    for was in change.before:  # a session that goes elsewhere is to be confirmed; this one was
        was.appointment.state = was.state
        change_notices.restore(was.appointment, was.untold)
        session.add(was.appointment)
    session.flush()


def _entries(session: Session, course: Course, *, since: datetime) -> list[AuditEntry]:
    """What has changed the times of a course since then, in order."""
    ids = select(Appointment.id).where(Appointment.course_id == course.id)
    return list(
        session.exec(
            select(AuditEntry)
            .where(
                AuditEntry.clinic_id == course.clinic_id,
                AuditEntry.at > since,
                or_(
                    and_(
                        AuditEntry.subject == "appointment",
                        col(AuditEntry.subject_id).in_(ids),
                        col(AuditEntry.deed).in_(OF_A_SESSION),
                    ),
                    and_(
                        AuditEntry.subject == "course",
                        AuditEntry.subject_id == course.id,
                        col(AuditEntry.deed).in_(OF_A_COURSE),
                    ),
                ),
            )
            .order_by(col(AuditEntry.id))
        )
    )


def _before(entry: AuditEntry, sessions: dict[int, Appointment]) -> list[PreviousState]:
    """What the sessions that an entry tells of had before."""
    details = entry.details
    if entry.deed == "cancelled":
        untold = dict(details.get("news", []))
        states = details.get("states", [])
        return [_kept(sessions[key], state, untold.get(key)) for key, state in states]
    if entry.deed == "is cancelled":
        appointment = sessions[entry.subject_id or 0]
        return [_kept(appointment, details["before"], details.get("news_before"))]
    if entry.deed == "moved" and "state_before" in details:
        return [
            PreviousState(
                sessions[entry.subject_id or 0],
                datetime.fromisoformat(details["before"]),
                details["practitioner_before"],
                details["state_before"],
                details.get("news_before") or {},
            )
        ]
    return []


def _kept(appointment: Appointment, state: str, untold: dict[str, Any] | None) -> PreviousState:
    """What a session had that was cancelled: the time and the practitioner that it has still."""
    who = appointment.practitioner_id
    return PreviousState(appointment, appointment.starts_at, who, state, untold or {})


def _is_as_it_was_left(was: PreviousState, entries: Sequence[AuditEntry]) -> bool:
    """Whether nothing has become of a session since: nobody confirms or begins what goes back."""
    if _kind(entries) == "moved":
        return was.appointment.state in EXPECTED
    return was.appointment.state == AppointmentState.CANCELLED


def _kind(entries: Sequence[AuditEntry]) -> str:
    deeds = {entry.deed for entry in entries}
    if "cancelled" in deeds:
        return "course cancelled"
    return "cancelled" if "is cancelled" in deeds else "moved"


def _was_taken_back(session: Session, course: Course, change_id: int) -> bool:
    found = session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == "course",
            AuditEntry.subject_id == course.id,
            AuditEntry.deed == "took back",
        )
    )
    return any(each.details["of"] == change_id for each in found)
