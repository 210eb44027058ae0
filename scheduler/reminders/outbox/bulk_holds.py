"""News to very many people at once wait until staff have seen what would go out.

A closure, or a script gone wrong, moves or cancels the sessions of hundreds in one go. People are
counted in the calendar, not among the texts that are written already: otherwise the first of them
would be out before the last is known of. Reminders, each at its own time, are never held.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, case, exists
from sqlmodel import Session, col, select

from scheduler.booking.courses import change_notices
from scheduler.booking.event_models import AppointmentChange, Notice
from scheduler.booking.models import Appointment
from scheduler.clinic.models import Clinic
from scheduler.patients.models import OptOut, Patient
from scheduler.reminders.models import MassText, MassTextState, Message, ReminderRule

MOST = 50
"""People who may be told of changes in an `AT_ONCE` before somebody has to confirm it."""

AT_ONCE = timedelta(hours=1)

KEPT_BACK = (MassTextState.HELD, MassTextState.STOPPED)


def watch(
    session: Session, news: Iterable[tuple[int, datetime]], *, now: datetime
) -> Sequence[MassText]:
    """Hold news that so many are to be told at once; what was held just now.

    `news`: the clinics, and the instants at which they made changes that are still to be told.
    """
    held = []
    for clinic_id, instants in groupby(sorted(set(news)), key=lambda each: each[0]):
        for _, instant in instants:
            if opened := _hold_if_many(session, clinic_id, instant, now):
                held.append(opened)
    return held


def of_clinics(session: Session, clinic_ids: Collection[int]) -> dict[int, list[MassText]]:
    """By clinic, all that were ever held."""
    found: dict[int, list[MassText]] = defaultdict(list)
    for row in session.exec(
        select(MassText)
        .where(col(MassText.clinic_id).in_(clinic_ids))
        .order_by(col(MassText.id))
        .execution_options(populate_existing=True)
    ):
        found[row.clinic_id].append(row)
    return found


def covering(batches: Iterable[MassText], news_at: datetime | None) -> MassText | None:
    """The one that a change belongs to."""
    if news_at is None:
        return None
    return next((batch for batch in batches if batch.begins_at <= news_at < batch.ends_at), None)


def holds_back() -> ColumnElement[bool]:
    """Whether a row of `messages` is news that waits to be confirmed, or was stopped."""
    return exists().where(
        *_covers(), col(MassText.state).in_(KEPT_BACK), col(MassText.clinic_id) == Message.clinic_id
    )


def messages_of(batch: MassText) -> ColumnElement[bool]:
    """Whether a row of `messages` tells of a change that belongs to this batch."""
    return exists().where(*_covers(), col(MassText.id) == batch.id) & (
        col(Message.clinic_id) == batch.clinic_id
    )


def _covers() -> tuple[ColumnElement[bool], ...]:
    notice = case((col(ReminderRule.which) == "reassigned", Notice.PRACTITIONER), else_=Notice.TIME)
    return (
        col(ReminderRule.id) == col(Message.rule_id),
        col(ReminderRule.anchor) == "change",
        col(AppointmentChange.appointment_id) == col(Message.appointment_id),
        col(AppointmentChange.notice) == notice,
        *_still_to_tell(),
        col(AppointmentChange.at) >= col(MassText.begins_at),
        col(AppointmentChange.at) < col(MassText.ends_at),
    )


def _still_to_tell() -> tuple[ColumnElement[bool], ...]:
    """Of a change of an appointment: its notice holds, and no later change has replaced it."""
    return change_notices.is_open(), change_notices.is_latest()


def is_kept_back(session: Session, message: Message) -> bool:
    """Whether a text must not go now. Who is just stopping it is waited for."""
    session.exec(
        select(MassText.id)
        .where(MassText.clinic_id == message.clinic_id, MassText.state != MassTextState.STOPPED)
        .order_by(col(MassText.id))
        .with_for_update(read=True)
    ).all()
    return bool(
        session.exec(select(Message.id).where(Message.id == message.id, holds_back())).all()
    )


def phones_of(session: Session, batch: MassText) -> Sequence[str]:
    """Whom the changes of a batch concern, in order."""
    return session.exec(
        select(Patient.phone)
        .join(Appointment, col(Appointment.patient_id) == Patient.id)
        .join(AppointmentChange, col(AppointmentChange.appointment_id) == Appointment.id)
        .where(
            AppointmentChange.clinic_id == batch.clinic_id,
            *_still_to_tell(),
            AppointmentChange.at >= batch.begins_at,
            AppointmentChange.at < batch.ends_at,
        )
        .distinct()
        .order_by(Patient.phone)
    ).all()


def _hold_if_many(
    session: Session, clinic_id: int, instant: datetime, now: datetime
) -> MassText | None:
    before = of_clinics(session, [clinic_id])[clinic_id]
    if covering(before, instant) or (window := _crowd(session, clinic_id, instant, before)) is None:
        return None
    # Two workers may see the crowd at once: the row of the clinic says who was first.
    session.exec(
        select(Clinic.id).where(Clinic.id == clinic_id).with_for_update(key_share=True)
    ).all()
    if covering(of_clinics(session, [clinic_id])[clinic_id], instant):
        return None
    begins_at, last = window
    batch = MassText(
        clinic_id=clinic_id, begins_at=begins_at, ends_at=last + AT_ONCE, opened_at=now
    )
    session.add(batch)
    session.flush()
    return batch


def _crowd(
    session: Session, clinic_id: int, instant: datetime, before: Iterable[MassText]
) -> tuple[datetime, datetime] | None:
    """The first and last change of those at once that concern too many, this one among them."""
    near = [
        (news_at, phone)
        for news_at, phone in _news(session, clinic_id, instant)
        if not covering(before, news_at)
    ]
    for first, last in ((instant - AT_ONCE, instant), (instant, instant + AT_ONCE)):
        crowd = [each for each in near if first <= each[0] <= last]
        if len({phone for _, phone in crowd}) > MOST:
            return min(crowd)[0], max(crowd)[0]
    return None


def _news(session: Session, clinic_id: int, instant: datetime) -> Sequence[tuple[datetime, str]]:
    """The changes around an instant, and whose phone each concerns. Who wants no texts: nobody."""
    stopped = select(OptOut.phone).where(col(OptOut.lifted_at).is_(None))
    return session.exec(
        select(AppointmentChange.at, Patient.phone)
        .join(Appointment, col(Appointment.id) == AppointmentChange.appointment_id)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(
            AppointmentChange.clinic_id == clinic_id,
            *_still_to_tell(),
            AppointmentChange.at >= instant - AT_ONCE,
            AppointmentChange.at <= instant + AT_ONCE,
            col(Patient.sms_consent),
            col(Patient.erased_at).is_(None),
            col(Patient.phone).not_in(stopped),
        )
        .distinct()
    ).all()
