"""Why a message may not be sent: because of the recipient, its rule or its appointment."""

from sqlalchemy import ColumnElement, exists
from sqlmodel import Session, col

from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.patients import consent
from scheduler.patients.models import OptOut, Patient
from scheduler.reminders.models import Message, ReminderRule
from scheduler.reminders.outbox import clinic_rules
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import essential


def may_be_texted() -> tuple[ColumnElement[bool], ...]:
    """Conditions on a row of `patients`: nothing about the recipient forbids messages."""
    return (
        col(Patient.sms_consent).is_(True),
        col(Patient.textable).is_(True),
        col(Patient.erased_at).is_(None),
        ~has_opted_out(),
    )


def has_opted_out() -> ColumnElement[bool]:
    """Whether the phone of a row of `patients` has opted out of texts."""
    return exists().where(col(OptOut.phone) == col(Patient.phone), col(OptOut.lifted_at).is_(None))


def of_patient(*, textable: bool, opted_out: bool, consent: bool) -> Reason | None:
    """Why a patient may not be texted, by what `may_be_texted` looks at."""
    if not textable:
        return Reason.NOT_TEXTABLE
    if opted_out:
        return Reason.OPTED_OUT
    return None if consent else Reason.NO_CONSENT


def of_recipient(
    session: Session,
    message: Message,
    *,
    despite_opt_out: bool = False,
    needs_patient: bool = True,
    needs_consent: bool = True,
) -> Reason | None:
    """Why the recipient must not get a message.

    `despite_opt_out`: the phone gets it even after STOP. `needs_patient`: the patient must still
    have the phone. `needs_consent`: the patient must agree to messages.
    """
    if not despite_opt_out and consent.is_stopped(session, message.phone):
        return Reason.OPTED_OUT
    if not needs_patient:
        return None
    patient = session.get(Patient, message.patient_id) if message.patient_id else None
    if patient is not None and patient.erased_at:
        patient = None
    if needs_consent and (patient is None or not patient.sms_consent):
        return Reason.NO_CONSENT
    if patient is None or patient.phone != message.phone:
        return Reason.OTHER_PHONE
    return None if patient.textable else Reason.NOT_TEXTABLE


def of_derived(session: Session, message: Message) -> Reason:
    """Why the rules no longer derive a message from the calendar."""
    return (
        of_recipient(session, message)
        or _of_rule(session, message)
        or of_appointment(session, message)
    )


def of_appointment(session: Session, message: Message) -> Reason:
    """Why a message about an appointment is no longer true."""
    course = session.get(Course, message.course_id) if message.course_id else None
    if course is not None and course.state == CourseState.NEEDS_CLEARANCE:
        return Reason.NEEDS_CLEARANCE
    appointment = (
        session.get(Appointment, message.appointment_id) if message.appointment_id else None
    )
    if appointment is None or appointment.state == AppointmentState.CANCELLED:
        return Reason.CANCELLED
    if appointment.state == AppointmentState.NO_SHOW:
        return Reason.MISSED
    return Reason.MOVED if appointment.starts_at != message.about else Reason.OUTDATED


def _of_rule(session: Session, message: Message) -> Reason | None:
    rule = session.get(ReminderRule, message.rule_id) if message.rule_id else None
    if rule is None or not rule.active:
        return Reason.RULE_INACTIVE
    patient = session.get_one(Patient, message.patient_id)
    if patient.texts == essential.FEWER and not _is_essential(session, rule):
        return Reason.FEWER_TEXTS
    return None


def _is_essential(session: Session, rule: ReminderRule) -> bool:
    rules = clinic_rules.of_clinics(session, [rule.clinic_id])[rule.clinic_id]
    return str(rule.id) in {kept.id for kept in essential.essential(rules)}
