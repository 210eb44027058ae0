"""What a clinic has agreed with the people who share one phone, as the rules of texts see it.

Limits of texts are per phone, not per person: a parent may have the texts of two children.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.patients.models import OptOut, Patient, Screening
from scheduler.progress import reviews
from scheduler.reminders.models import Attempt, MassText, MassTextState, Message, MessageState
from scheduler.reminders.outbox import bulk_holds, clinic_rules, open_questions, resends
from scheduler.reminders.schedule import due_messages, essential, types
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.texts import default_texts
from scheduler.sms import codes
from scheduler.sms.codes import Policy
from scheduler.storage.database import stored_id

LOOK_BACK = timedelta(days=31)
"""Courses whose last session is longer ago than this are owed nothing more."""

MAY_HAVE_GONE = ("", "accepted", "unknown")
"""Outcomes of an attempt after which the text may be on the patient's phone."""

UNTIL_THE_SESSION = 366 * 1440
"""Minutes; a text about booking is of no use after the first session anyway."""

LIVE = {
    AppointmentState.BOOKED,
    AppointmentState.CONFIRMED,
    AppointmentState.ARRIVED,
    AppointmentState.COMPLETED,
}


@dataclass(frozen=True)
class Household:
    """A phone and its visits to one clinic; none where texts are not wanted or not allowed."""

    phone: str
    clinic: Clinic
    visits: list[types.AppointmentFacts]
    sent: list[types.Sent]

    def owed(self, now: datetime) -> list[types.DueMessage]:
        """What the phone is still owed by this clinic, by due time."""
        zone = ZoneInfo(self.clinic.timezone)
        return due_messages.owed(
            self.visits,
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


class _Session(NamedTuple):
    """One appointment with what is needed of its course and its patient."""

    phone: str
    clinic_id: int
    patient_id: int
    language: str
    texts: str
    course_id: int
    course_state: str
    was_held: bool | None
    cleared_at: datetime | None
    booked_at: datetime
    appointment_id: int
    state: str
    starts_at: datetime
    ends_at: datetime
    news_at: datetime | None
    reassigned_at: datetime | None
    givers: list[tuple[int, str | None]]
    phase: int
    practitioner: str
    review_after: list[int]


def gather(
    session: Session,
    phones: Collection[str],
    *,
    now: datetime,
    unsaid: Collection[tuple[str, str]] = (),
) -> list[Household]:
    """The households of these phones, one for each clinic that a phone goes to. Only reads.

    `unsaid`: phones and keys of texts that went out and did not arrive, to be said once more.
    """
    by_household: dict[tuple[str, int], list[_Session]] = defaultdict(list)
    for row in _sessions(session, phones, now):
        by_household[row.phone, row.clinic_id].append(row)
    clinic_ids = {clinic_id for _, clinic_id in by_household}
    clinics = _clinics(session, clinic_ids)
    rules = clinic_rules.of_clinics(session, clinic_ids)
    batches = bulk_holds.of_clinics(session, clinic_ids)
    sent = _sent(session, {phone for phone, _ in by_household}, unsaid)
    return [
        Household(
            phone,
            clinics[clinic_id],
            _visits(rows, rules[clinic_id], batches[clinic_id]),
            sent[phone],
        )
        for (phone, clinic_id), rows in by_household.items()
    ]


def _sessions(session: Session, phones: Collection[str], now: datetime) -> Iterable[_Session]:
    """All sessions of the courses that may still be texted about, of those who want texts."""
    stopped = select(OptOut.phone).where(col(OptOut.lifted_at).is_(None))
    recent = select(Appointment.course_id).where(Appointment.ends_at > now - LOOK_BACK)
    rows = session.execute(
        select(  # type: ignore[call-overload,misc]
            Patient.phone,
            Course.clinic_id,
            Patient.id,
            Patient.language,
            Patient.texts,
            Course.id,
            Course.state,
            Screening.needs_clearance,
            Course.cleared_at,
            Course.booked_at,
            Appointment.id,
            Appointment.state,
            Appointment.starts_at,
            Appointment.ends_at,
            Appointment.news_at,
            Appointment.reassigned_at,
            Appointment.givers,
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
            col(Patient.phone).not_in(stopped),
            col(Patient.sms_consent),
            col(Patient.erased_at).is_(None),
            col(Course.id).in_(recent),
        )
        .order_by(Course.id, Appointment.starts_at)
    )
    return [_Session(*row) for row in rows]


def _clinics(session: Session, clinic_ids: Collection[int]) -> dict[int, Clinic]:
    rows = session.exec(select(Clinic).where(col(Clinic.id).in_(clinic_ids)))
    return {stored_id(clinic.id): clinic for clinic in rows}


def _sent(
    session: Session, phones: Collection[str], unsaid: Collection[tuple[str, str]]
) -> dict[str, list[types.Sent]]:
    """By phone, what went or may have gone to it, whichever clinic it was from."""
    sent: dict[str, list[types.Sent]] = defaultdict(list)
    for phone, key, began_at, asked, appointment_id, error_code, *rest in session.execute(
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
    ):
        about = str(appointment_id or "")
        if (phone, key) not in unsaid:
            told = _told(*rest)
            sent[phone].append(types.Sent(_plain(key), began_at, asked, about, told))
        elif not _surely_lost(error_code):
            # It is said again, and it counts: it may be on the phone all the same.
            sent[phone].append(types.Sent(f"{key} before", began_at, asked, about))
    # What was refused for good is not tried again and must not take the place of another text.
    for phone, key, due_at in session.exec(
        select(Message.phone, Message.key, Message.due_at).where(
            col(Message.phone).in_(phones),
            Message.state == MessageState.FAILED,
            col(Message.rule_id).is_not(None),
        )
    ):
        if (phone, key) not in unsaid:
            sent[phone].append(types.Sent(_plain(key), due_at, asked=True))
    return sent


def _told(
    rule_id: int | None, kind: str, about: datetime | None, state: str, outcome: str
) -> datetime | None:
    """What an answer that asks anew has told, unless it may not have gone."""
    asks_anew = rule_id is None and kind == open_questions.ASKS_TO_CONFIRM
    if asks_anew and about and state in open_questions.GOES and outcome != "unknown":
        return about
    return None


def _surely_lost(error_code: str) -> bool:
    return error_code.isdecimal() and codes.meaning(int(error_code)).policy is Policy.LATER


def key_of(key: str, phone: str) -> str:
    """The key of a text that went to another phone before, for this phone alone."""
    return f"{key}@{sha256(phone.encode()).hexdigest()[:12]}"


def _plain(key: str) -> str:
    return resends.first_key(key).partition("@")[0]


def _visits(
    rows: list[_Session], rules: list[types.Rule], batches: list[MassText]
) -> list[types.AppointmentFacts]:
    by_course: dict[int, list[_Session]] = defaultdict(list)
    for row in rows:
        by_course[row.course_id].append(row)
    return [
        visit
        for course in by_course.values()
        for visit in _visits_of_course(course, rules, batches)
    ]


def _visits_of_course(
    course: list[_Session], rules: list[types.Rule], batches: list[MassText]
) -> list[types.AppointmentFacts]:
    kept = [row.appointment_id for row in course if row.state != AppointmentState.CANCELLED]
    numbers = {appointment_id: number for number, appointment_id in enumerate(kept, start=1)}
    if course[0].texts == essential.FEWER:
        rules = essential.essential(rules)
    rules = _rules_for(course[0], rules)
    attended = [row.appointment_id for row in course if row.state in LIVE]
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
            live=row.state in LIVE,
            missed=row.state == AppointmentState.NO_SHOW,
            language=row.language,
            rules=rules,
            news_at=row.news_at,
            news=_news(batches, row.news_at),
            practitioner=row.practitioner,
            givers=[types.Giver(str(who), _instant(since)) for who, since in row.givers],
            reassignment=_news(batches, row.reassigned_at),
            phase=row.phase,
            review=row.appointment_id in reviewed,
        )
        for row in course
    ]


def _instant(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def _news(batches: list[MassText], news_at: datetime | None) -> types.News:
    batch = bulk_holds.covering(batches, news_at)
    if batch is None or batch.state == MassTextState.CONFIRMED:
        return "free"
    return "held" if batch.state == MassTextState.HELD else "stopped"


def _rules_for(course: _Session, rules: list[types.Rule]) -> list[types.Rule]:
    if course.course_state == CourseState.NEEDS_CLEARANCE:
        # The times are kept, and the patient may know that. But nobody is told to come, or to
        # prepare, before a practitioner has said that the treatment is safe for them; once that
        # is said, what is still useful becomes owed.
        return [
            replace(rule, variant="held", templates=default_texts.ANSWERS["held"], cases={})
            for rule in rules
            if rule.kind == "confirmation" and rule.anchor == "booked"
        ]
    if course.course_state == CourseState.CANCELLED:
        # A session that took place is looked after, whatever became of those to come.
        declined = course.was_held and course.cleared_at is None
        return [
            replace(rule, templates=default_texts.ANSWERS["declined"], cases={})
            if declined and rule.anchor == "change"
            else rule
            for rule in rules
            if rule.anchor in {"end", "change"}
        ]
    if course.was_held:
        # Cleared days after it was booked, it is confirmed then: of use until the first session.
        return [
            replace(rule, useful_minutes=max(rule.useful_minutes, UNTIL_THE_SESSION))
            if rule.anchor == "booked"
            else rule
            for rule in rules
        ]
    return rules
