"""Gathers the facts from which the messages to a phone are derived.

Limits are per phone, not per patient: a parent may get the messages of two children.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.events import change_notices
from scheduler.booking.events.change_notices import NO_NOTICES, OpenNotices
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.patients.models import Patient, Screening
from scheduler.progress import reviews
from scheduler.reminders import message_key
from scheduler.reminders.models import Attempt, MassText, MassTextState, Message, MessageState
from scheduler.reminders.outbox import bulk_holds, clinic_rules, obstacles, open_questions
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import due_messages, essential, types
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.texts import default_texts
from scheduler.sms import codes
from scheduler.sms.codes import Policy
from scheduler.storage.database import stored_id

LOOK_BACK = timedelta(days=31)
"""Courses whose last appointment is longer ago get no more messages."""

MAY_HAVE_GONE = ("", "accepted", "unknown")
"""Outcomes of an attempt after which the message may be on the patient's phone."""

UNTIL_FIRST_APPOINTMENT = 366 * 1440
"""Minutes; a message about booking expires with the first appointment anyway."""

TAKES_PLACE = {
    AppointmentState.BOOKED,
    AppointmentState.CONFIRMED,
    AppointmentState.ARRIVED,
    AppointmentState.COMPLETED,
}


@dataclass(frozen=True)
class Recipient:
    """A phone with its appointments at one clinic."""

    phone: str
    clinic: Clinic
    appointments: list[types.AppointmentFacts]
    sent: list[types.SentMessage]

    def due_messages(self, now: datetime) -> list[types.DueMessage]:
        """The messages from this clinic that the phone has not got yet, by due time."""
        zone = ZoneInfo(self.clinic.timezone)
        return due_messages.derive(
            self.appointments,
            sent=self.sent,
            budget=types.Budget(self.clinic.texts_per_day, self.clinic.texts_per_week),
            quiet=QuietHours(
                time.fromisoformat(self.clinic.quiet_from),
                time.fromisoformat(self.clinic.quiet_to),
                zone,
            ),
            zone=zone,
            now=now,
        )


class _AppointmentRow(NamedTuple):
    """One appointment with the columns needed of its course and its patient."""

    phone: str
    clinic_id: int
    patient_id: int
    language: str
    texts: str
    sms_consent: bool
    textable: bool
    opted_out: bool
    course_id: int
    course_state: str
    was_held: bool | None
    cleared_at: datetime | None
    booked_at: datetime
    appointment_id: int
    state: str
    starts_at: datetime
    ends_at: datetime
    phase: int
    practitioner: str
    review_after: list[int]

    @property
    def obstacle(self) -> Reason | None:
        """Why the patient may not be texted."""
        return obstacles.of_patient(
            textable=self.textable, opted_out=self.opted_out, consent=self.sms_consent
        )


def gather(
    session: Session,
    phones: Collection[str],
    *,
    now: datetime,
    resent: Collection[tuple[str, str]] = (),
) -> list[Recipient]:
    """The recipients with these phones, one for each clinic that a phone goes to. Only reads.

    `resent`: phones and keys of messages that did not arrive and are sent once more.
    """
    rows: dict[tuple[str, int], list[_AppointmentRow]] = defaultdict(list)
    for row in _appointments(session, phones, now):
        rows[row.phone, row.clinic_id].append(row)
    clinic_ids = {clinic_id for _, clinic_id in rows}
    clinics = _clinics(session, clinic_ids)
    rules = clinic_rules.of_clinics(session, clinic_ids)
    bulk_texts = bulk_holds.of_clinics(session, clinic_ids)
    sent = _sent(session, {phone for phone, _ in rows}, resent)
    notices = change_notices.of_phones(session, {phone for phone, _ in rows})
    return [
        Recipient(
            phone,
            clinics[clinic_id],
            _facts(appointments, rules[clinic_id], bulk_texts[clinic_id], notices),
            sent[phone],
        )
        for (phone, clinic_id), appointments in rows.items()
    ]


def _appointments(
    session: Session, phones: Collection[str], now: datetime
) -> Iterable[_AppointmentRow]:
    """The appointments of all recent courses, also of patients who may not be texted."""
    recent = select(Appointment.course_id).where(Appointment.ends_at > now - LOOK_BACK)
    rows = session.execute(
        select(  # type: ignore[call-overload]
            Patient.phone,
            Course.clinic_id,
            Patient.id,
            Patient.language,
            Patient.texts,
            Patient.sms_consent,
            Patient.textable,
            obstacles.has_opted_out(),
            Course.id,
            Course.state,
            Screening.needs_clearance,
            Course.cleared_at,
            Course.booked_at,
            Appointment.id,
            Appointment.state,
            Appointment.starts_at,
            Appointment.ends_at,
            Appointment.phase,
            Practitioner.name,
            Treatment.review_after,
        )
        .join(Course, col(Course.patient_id) == Patient.id)
        .join(Appointment, col(Appointment.course_id) == Course.id)
        .join(Practitioner, col(Practitioner.id) == Appointment.practitioner_id)
        .join(Treatment, col(Treatment.id) == Course.treatment_id)
        .outerjoin(Screening, col(Screening.id) == Course.screening_id)
        .where(
            col(Patient.phone).in_(phones),
            col(Patient.erased_at).is_(None),
            col(Course.id).in_(recent),
        )
        .order_by(Course.id, Appointment.starts_at)
    )
    return [_AppointmentRow(*row) for row in rows]


def _clinics(session: Session, clinic_ids: Collection[int]) -> dict[int, Clinic]:
    rows = session.exec(select(Clinic).where(col(Clinic.id).in_(clinic_ids)))
    return {stored_id(clinic.id): clinic for clinic in rows}


def _sent(
    session: Session, phones: Collection[str], resent: Collection[tuple[str, str]]
) -> dict[str, list[types.SentMessage]]:
    """By phone, the messages that went or may have gone to it, from any clinic."""
    sent: dict[str, list[types.SentMessage]] = defaultdict(list)
    rows = session.execute(
        select(  # type: ignore[call-overload]
            Message.phone,
            Message.key,
            Attempt.began_at,
            Message.asked,
            Message.appointment_id,
            Message.error_code,
            Message.rule_id,
            Message.kind,
            Message.about,
            Message.state,
            Attempt.outcome,
        )
        .join(Attempt, col(Attempt.message_id) == Message.id)
        .where(col(Message.phone).in_(phones), col(Attempt.outcome).in_(MAY_HAVE_GONE))
    )
    for phone, key, began_at, asked, appointment_id, error_code, rule_id, *answer in rows:
        message = types.SentMessage(
            message_key.subject_of(key),
            began_at,
            asked,
            rule_id=str(rule_id or ""),
            appointment_id=str(appointment_id or ""),
            told_start=None if rule_id else _told_start(*answer),
        )
        if (phone, key) not in resent:
            sent[phone].append(message)
        elif not _surely_lost(error_code):
            # It counts, because it may have arrived without a report.
            sent[phone].append(replace(message, key=None, told_start=None))
    # A refused message is not retried, and does not count toward the limits.
    for phone, key, due_at in session.exec(
        select(Message.phone, Message.key, Message.due_at).where(
            col(Message.phone).in_(phones),
            Message.state == MessageState.FAILED,
            col(Message.rule_id).is_not(None),
        )
    ):
        if (phone, key) not in resent:
            refused = types.SentMessage(message_key.subject_of(key), due_at, asked=True)
            sent[phone].append(refused)
    return sent


def _told_start(kind: str, about: datetime | None, state: str, outcome: str) -> datetime | None:
    """The start that an answer gave, if it asks for a new confirmation and surely went out."""
    if kind != open_questions.ASKS_TO_CONFIRM:
        return None
    return about if state in open_questions.SENT_OR_SENDING and outcome != "unknown" else None


def _surely_lost(error_code: str) -> bool:
    return error_code.isdecimal() and codes.meaning(int(error_code)).policy is Policy.LATER


def _facts(
    rows: list[_AppointmentRow],
    rules: list[types.Rule],
    bulk_texts: list[MassText],
    notices: Mapping[int, OpenNotices],
) -> list[types.AppointmentFacts]:
    courses: dict[int, list[_AppointmentRow]] = defaultdict(list)
    for row in rows:
        courses[row.course_id].append(row)
    return [
        facts
        for course in courses.values()
        for facts in _facts_of_course(course, rules, bulk_texts, notices)
    ]


def _facts_of_course(
    course: list[_AppointmentRow],
    rules: list[types.Rule],
    bulk_texts: list[MassText],
    notices: Mapping[int, OpenNotices],
) -> list[types.AppointmentFacts]:
    kept = [row.appointment_id for row in course if row.state != AppointmentState.CANCELLED]
    numbers = {appointment_id: number for number, appointment_id in enumerate(kept, start=1)}
    if course[0].texts == essential.FEWER:
        rules = essential.essential(rules)
    rules = _rules_for(course[0], rules)
    if course[0].obstacle:
        rules = [rule for rule in rules if rule.reports_time]
    attended = [row.appointment_id for row in course if row.state in TAKES_PLACE]
    reviewed = reviews.due_after(attended, course[0].review_after)
    return [
        types.AppointmentFacts(
            course_id=str(row.course_id),
            appointment_id=str(row.appointment_id),
            patient_id=str(row.patient_id),
            number=numbers.get(row.appointment_id, 0),
            total=len(kept),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            booked_at=row.booked_at,
            live=row.state in TAKES_PLACE,
            missed=row.state == AppointmentState.NO_SHOW,
            language=row.language,
            rules=rules,
            changed_at=notice.time_changed_at,
            starts_before=notice.starts_before,
            obstacle=row.obstacle,
            change_review=_review(bulk_texts, notice.time_changed_at),
            practitioner=row.practitioner,
            practitioners=[
                types.PractitionerSince(str(assigned.practitioner_id), assigned.since)
                for assigned in notice.practitioners
            ],
            reassignment_review=_review(bulk_texts, notice.practitioner_changed_at),
            phase=row.phase,
            review=row.appointment_id in reviewed,
        )
        for row in course
        for notice in [notices.get(row.appointment_id, NO_NOTICES)]
    ]


def _review(bulk_texts: list[MassText], changed_at: datetime | None) -> types.Review:
    bulk_text = bulk_holds.covering(bulk_texts, changed_at)
    if bulk_text is None or bulk_text.state == MassTextState.CONFIRMED:
        return types.Review.NOT_NEEDED
    is_held = bulk_text.state == MassTextState.HELD
    return types.Review.PENDING if is_held else types.Review.STOPPED


def _rules_for(course: _AppointmentRow, rules: list[types.Rule]) -> list[types.Rule]:
    if course.course_state == CourseState.NEEDS_CLEARANCE:
        # The patient may know that the times are kept, but must not be asked to come or to prepare
        # before a practitioner has cleared the treatment. Messages that have not expired by then
        # become due.
        return [
            replace(rule, variant="held", templates=default_texts.REPLY_TEMPLATES["held"], cases={})
            for rule in rules
            if rule.kind == "confirmation" and rule.anchor == "booked"
        ]
    if course.course_state == CourseState.CANCELLED:
        # Messages after an appointment that took place still go out.
        declined = course.was_held and course.cleared_at is None
        return [
            replace(rule, templates=default_texts.REPLY_TEMPLATES["declined"], cases={})
            if declined and rule.anchor == "change"
            else rule
            for rule in rules
            if rule.anchor in {"end", "change"}
        ]
    if course.was_held:
        # Clearance may come days after booking. The confirmation goes out then.
        return [
            replace(rule, useful_minutes=max(rule.useful_minutes, UNTIL_FIRST_APPOINTMENT))
            if rule.anchor == "booked"
            else rule
            for rule in rules
        ]
    return rules
