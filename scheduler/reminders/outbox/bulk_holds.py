"""Holds notices of changes to very many patients until staff have reviewed them.

A closure or a faulty script can move or cancel the appointments of hundreds of patients at once.
The patients are counted in the calendar, not among the stored messages. Otherwise the first
messages would be sent before the last ones are derived. Reminders are never held.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, case, exists
from sqlmodel import Session, col, select

from scheduler.booking.events import change_notices
from scheduler.booking.events.event_models import AppointmentChange, Notice
from scheduler.booking.models import Appointment
from scheduler.clinic.models import Clinic
from scheduler.patients.models import Patient
from scheduler.reminders.models import MassText, MassTextState, Message, ReminderRule
from scheduler.reminders.outbox import obstacles

MAX_RECIPIENTS = 50
"""Phones that may get notices of changes within `AT_ONCE` without a confirmation by staff."""

AT_ONCE = timedelta(hours=1)

NOT_RELEASED = (MassTextState.HELD, MassTextState.STOPPED)


def watch(
    session: Session, changes: Iterable[tuple[int, datetime]], *, now: datetime
) -> Sequence[MassText]:
    """Hold the notices of changes that concern too many phones. Returns the new bulk texts.

    `changes`: the clinics, and the instants of the changes that would be reported now.
    """
    held = []
    for clinic_id, instants in groupby(sorted(set(changes)), key=lambda change: change[0]):
        for _, instant in instants:
            if opened := _hold_if_many(session, clinic_id, instant, now):
                held.append(opened)
    return held


def of_clinics(session: Session, clinic_ids: Collection[int]) -> dict[int, list[MassText]]:
    """By clinic, all bulk texts."""
    found: dict[int, list[MassText]] = defaultdict(list)
    for row in session.exec(
        select(MassText)
        .where(col(MassText.clinic_id).in_(clinic_ids))
        .order_by(col(MassText.id))
        .execution_options(populate_existing=True)
    ):
        found[row.clinic_id].append(row)
    return found


def covering(bulk_texts: Iterable[MassText], changed_at: datetime | None) -> MassText | None:
    """The bulk text that a change belongs to."""
    if changed_at is None:
        return None
    return next(
        (
            bulk_text
            for bulk_text in bulk_texts
            if bulk_text.begins_at <= changed_at < bulk_text.ends_at
        ),
        None,
    )


def holds_back() -> ColumnElement[bool]:
    """Whether a row of `messages` belongs to a bulk text that is held or stopped."""
    return exists().where(
        *_covers(),
        col(MassText.state).in_(NOT_RELEASED),
        col(MassText.clinic_id) == Message.clinic_id,
    )


def messages_of(bulk_text: MassText) -> ColumnElement[bool]:
    """Whether a row of `messages` belongs to this bulk text."""
    return exists().where(*_covers(), col(MassText.id) == bulk_text.id) & (
        col(Message.clinic_id) == bulk_text.clinic_id
    )


def _covers() -> tuple[ColumnElement[bool], ...]:
    notice = case((col(ReminderRule.which) == "reassigned", Notice.PRACTITIONER), else_=Notice.TIME)
    return (
        col(ReminderRule.id) == col(Message.rule_id),
        col(ReminderRule.anchor) == "change",
        col(AppointmentChange.appointment_id) == col(Message.appointment_id),
        col(AppointmentChange.notice) == notice,
        *_still_to_report(),
        col(AppointmentChange.at) >= col(MassText.begins_at),
        col(AppointmentChange.at) < col(MassText.ends_at),
    )


def _still_to_report() -> tuple[ColumnElement[bool], ...]:
    """Conditions on a change: its notice is still due, and no later change has replaced it."""
    return change_notices.is_open(), change_notices.is_latest()


def is_kept_back(session: Session, message: Message) -> bool:
    """Whether a message must not go now. Waits for a transaction that is stopping its bulk text."""
    session.exec(
        select(MassText.id)
        .where(MassText.clinic_id == message.clinic_id, MassText.state != MassTextState.STOPPED)
        .order_by(col(MassText.id))
        .with_for_update(read=True)
    ).all()
    return bool(
        session.exec(select(Message.id).where(Message.id == message.id, holds_back())).all()
    )


def phones_of(session: Session, bulk_text: MassText) -> Sequence[str]:
    """The phones that the changes of a bulk text concern, in order."""
    return session.exec(
        select(Patient.phone)
        .join(Appointment, col(Appointment.patient_id) == Patient.id)
        .join(AppointmentChange, col(AppointmentChange.appointment_id) == Appointment.id)
        .where(
            AppointmentChange.clinic_id == bulk_text.clinic_id,
            *_still_to_report(),
            AppointmentChange.at >= bulk_text.begins_at,
            AppointmentChange.at < bulk_text.ends_at,
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
    # Two workers may find the same bulk text. The lock makes the second see the row of the first.
    session.exec(
        select(Clinic.id).where(Clinic.id == clinic_id).with_for_update(key_share=True)
    ).all()
    if covering(of_clinics(session, [clinic_id])[clinic_id], instant):
        return None
    begins_at, last = window
    bulk_text = MassText(
        clinic_id=clinic_id, begins_at=begins_at, ends_at=last + AT_ONCE, opened_at=now
    )
    session.add(bulk_text)
    session.flush()
    return bulk_text


def _crowd(
    session: Session, clinic_id: int, instant: datetime, before: Iterable[MassText]
) -> tuple[datetime, datetime] | None:
    """The first and last of the changes around an instant, if they concern too many phones."""
    near = [
        (changed_at, phone)
        for changed_at, phone in _changes(session, clinic_id, instant)
        if not covering(before, changed_at)
    ]
    for first, last in ((instant - AT_ONCE, instant), (instant, instant + AT_ONCE)):
        crowd = [(at, phone) for at, phone in near if first <= at <= last]
        if len({phone for _, phone in crowd}) > MAX_RECIPIENTS:
            return min(crowd)[0], max(crowd)[0]
    return None


def _changes(session: Session, clinic_id: int, instant: datetime) -> Sequence[tuple[datetime, str]]:
    """The changes around an instant, with the phones that may be texted about them."""
    return session.exec(
        select(AppointmentChange.at, Patient.phone)
        .join(Appointment, col(Appointment.id) == AppointmentChange.appointment_id)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(
            AppointmentChange.clinic_id == clinic_id,
            *_still_to_report(),
            AppointmentChange.at >= instant - AT_ONCE,
            AppointmentChange.at <= instant + AT_ONCE,
            *obstacles.may_be_texted(),
        )
        .distinct()
    ).all()
