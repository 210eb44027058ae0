"""The notices of changes by the clinic that its patients must receive, while they hold.

A patient who changes an appointment knows about it: that ends the notices of earlier changes. Once
the patient takes the change back, they hold again. Whether they were sent by then, the texts know.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from scheduler.audit.audit_trail import Actor
from scheduler.booking.events.event_models import AppointmentChange, CourseEvent, Notice
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id


@dataclass(frozen=True)
class AssignedPractitioner:
    """A practitioner by id, and since when they give the appointment; None: since it was agreed."""

    practitioner_id: int
    since: datetime | None


@dataclass(frozen=True)
class OpenNotices:
    """The notices of one appointment that hold.

    `time_changed_at`: when the clinic last moved, added or cancelled it. `practitioners`: first the
    one that the patient knew of, then each that the clinic put in at the same time; empty where it
    put in none. `starts_before`: the starts that the clinic's latest changes replaced. The patient
    may still expect any of them.
    """

    time_changed_at: datetime | None = None
    practitioners: Sequence[AssignedPractitioner] = ()
    starts_before: Sequence[datetime] = ()

    @property
    def practitioner_changed_at(self) -> datetime | None:
        """When the clinic last changed the practitioner."""
        return self.practitioners[-1].since if self.practitioners else None


NO_NOTICES = OpenNotices()

MAY_BE_UNREAD = timedelta(hours=12)
"""A patient may not have read of a change that was made so shortly before the next one."""


def is_open() -> ColumnElement[bool]:
    """Whether the notice of a change holds."""
    return col(AppointmentChange.notice).is_not(None) & col(
        AppointmentChange.notice_ended_by_id
    ).is_(None)


def is_latest() -> ColumnElement[bool]:
    """Whether no later change of the same thing about the same appointment has an open notice."""
    later = aliased(AppointmentChange)
    return ~exists().where(
        col(later.appointment_id) == col(AppointmentChange.appointment_id),
        col(later.notice) == col(AppointmentChange.notice),
        col(later.notice_ended_by_id).is_(None),
        col(later.at) > col(AppointmentChange.at),
    )


def of_phones(session: Session, phones: Collection[str]) -> Mapping[int, OpenNotices]:
    """By appointment, the notices that hold for the patients with these phones."""
    found = session.exec(
        select(AppointmentChange)
        .join(Appointment, col(Appointment.id) == AppointmentChange.appointment_id)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(col(AppointmentChange.notice).is_not(None), col(Patient.phone).in_(phones))
        .order_by(col(AppointmentChange.at), col(AppointmentChange.id))
        .execution_options(populate_existing=True)
    )
    by_appointment: dict[int, list[AppointmentChange]] = defaultdict(list)
    for change in found:
        by_appointment[change.appointment_id].append(change)
    return {
        appointment_id: notices
        for appointment_id, changes in by_appointment.items()
        if (notices := _open_notices(changes)) != NO_NOTICES
    }


def is_time_notice_open(session: Session, course: Course) -> bool:
    """Whether the clinic moved or cancelled an appointment of a course, and that still holds."""
    return (
        session.exec(
            select(AppointmentChange.id)
            .join(CourseEvent, col(CourseEvent.id) == AppointmentChange.event_id)
            .where(
                CourseEvent.course_id == course.id,
                is_open(),
                AppointmentChange.notice == Notice.TIME,
            )
        ).first()
        is not None
    )


def give(session: Session, actor: Actor, changes: Iterable[AppointmentChange]) -> None:
    """Give notice of changes to their patients, and end the notices that they make obsolete."""
    by_appointment = {change.appointment_id: change for change in changes}
    if not by_appointment:
        return
    session.flush()
    earlier = session.exec(
        select(AppointmentChange).where(
            is_open(), col(AppointmentChange.appointment_id).in_(by_appointment)
        )
    ).all()
    for notice in earlier:
        change = by_appointment[notice.appointment_id]
        if notice.notice in _ended_by(actor, change):
            notice.notice_ended_by_id = change.event_id
            session.add(notice)
    if actor.kind != "patient":
        for change in by_appointment.values():
            change.notice = _subject(change)
            session.add(change)
    session.flush()


def correct(
    session: Session, change: AppointmentChange, undone: AppointmentChange, *, tell: bool
) -> None:
    """End the notice of a change that was taken back. `tell`: with a notice of the correction."""
    if undone.notice is not None and undone.notice_ended_by_id is None:
        undone.notice_ended_by_id = change.event_id
        session.add(undone)
    if tell and (_is_moved(change) or _is_restored(change)):
        change.notice = Notice.TIME
        session.add(change)
    session.flush()


def reopen(session: Session, events: Iterable[CourseEvent]) -> None:
    """Let the notices hold again that these events ended."""
    session.exec(
        update(AppointmentChange)
        .where(col(AppointmentChange.notice_ended_by_id).in_([event.id for event in events]))
        .values(notice_ended_by_id=None)
    )


def _subject(change: AppointmentChange) -> Notice | None:
    if _is_moved(change) or _is_cancelled(change):
        return Notice.TIME
    if change.practitioner_id_before != change.practitioner_id_after:
        return Notice.PRACTITIONER
    return None


def _ended_by(actor: Actor, change: AppointmentChange) -> Collection[Notice]:
    if _is_moved(change):
        # The notice of the new time also names the practitioner.
        return (Notice.TIME, Notice.PRACTITIONER)
    if _is_cancelled(change):
        return (Notice.TIME,)
    # The notice about the practitioner needs earlier changes too: it compares the current
    # practitioner with the one that the patient was last told about.
    if actor.kind == "patient" and change.practitioner_id_before != change.practitioner_id_after:
        return (Notice.PRACTITIONER,)
    return ()


def _is_moved(change: AppointmentChange) -> bool:
    return change.starts_at_before != change.starts_at_after


def _is_cancelled(change: AppointmentChange) -> bool:
    cancelled = AppointmentState.CANCELLED
    return change.state_before != cancelled and change.state_after == cancelled


def _is_restored(change: AppointmentChange) -> bool:
    cancelled = AppointmentState.CANCELLED
    return change.state_before == cancelled and change.state_after != cancelled


def _open_notices(changes: Sequence[AppointmentChange]) -> OpenNotices:
    """The notices of one appointment, in the order of its changes."""
    of_time = [change for change in changes if change.notice == Notice.TIME]
    open_changes = [change for change in changes if change.notice_ended_by_id is None]
    times = [change.at for change in open_changes if change.notice == Notice.TIME]
    given = [change for change in open_changes if change.notice == Notice.PRACTITIONER]
    practitioners = [
        AssignedPractitioner(change.practitioner_id_after, change.at) for change in given
    ]
    if given:
        known = given[0].practitioner_id_before
        practitioners.insert(0, AssignedPractitioner(stored_id(known), None))
    starts_before = {
        change.starts_at_before
        for change in of_time
        if times and change.starts_at_before and times[-1] - change.at <= MAY_BE_UNREAD
    }
    return OpenNotices(
        times[-1] if times else None, tuple(practitioners), tuple(sorted(starts_before))
    )
