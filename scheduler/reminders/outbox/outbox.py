"""The messages that are owed, kept in step with the calendar.

Nobody tells the outbox that a session was booked, moved or cancelled. What is owed to a phone is
worked out anew from the calendar and compared with the rows that exist: what is missing is written,
what is no longer true is withdrawn. The same is asked once more right before a text goes out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text as sql
from sqlmodel import Session, col, func, or_, select, update

from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.i18n.languages import Language
from scheduler.infra.phone import for_people
from scheduler.patients import consent, verification
from scheduler.patients.models import Patient, PhoneCode
from scheduler.reminders.models import Message, MessageState, ReminderRule
from scheduler.reminders.outbox import bulk_holds, clinic_rules, recipients, resends
from scheduler.reminders.schedule import essential, templating, types
from scheduler.reminders.texts import default_texts
from scheduler.storage.database import stored_id
from scheduler.storage.inserts import insert_or_ignore

BATCH = 50
"""Phones derived in one transaction: enough to be quick, few enough that others get their turn."""

DAY = timedelta(days=1)
MOST_TO_STRANGERS = 3
"""Texts a day to a phone that nobody here has. Senders can be forged and forms be filled for
others: its owner is not to be flooded, whatever the cause."""

STATES = {
    "owed": MessageState.OWED,
    "held": MessageState.OWED,
    "gave_way": MessageState.WITHDRAWN,
    "too_late": MessageState.EXPIRED,
}

STOPPED = "The phone asked for no more texts."

UNDECIDED = {MessageState.OWED, MessageState.WITHDRAWN, MessageState.EXPIRED}
"""Messages that have not gone out and that nobody is sending: the calendar decides about them."""

PAST = {MessageState.WITHDRAWN, MessageState.EXPIRED}


@dataclass(frozen=True)
class DesiredMessage:
    """A text as the calendar wants it now: what is owed, to which phone, in which words."""

    phone: str
    clinic_id: int
    owed: types.DueMessage
    text: str

    @property
    def appointment_id(self) -> int:
        """The session that the text speaks of."""
        return int(self.owed.visit.appointment_id)

    @property
    def state(self) -> MessageState:
        """Where a message stands that has not been sent."""
        return STATES[self.owed.verdict]

    def values(self) -> dict[str, Any]:
        """What the row of an unsent message must hold."""
        rule, visit = self.owed.rule, self.owed.visit
        return {
            "phone": self.phone,
            "language": visit.language,
            "text": self.text,
            "about": visit.starts_at,
            "appointment_id": self.appointment_id,
            "asked": rule.asked,
            "priority": rule.priority,
            "state": self.state,
            "reason": self.owed.reason,
            "due_at": self.owed.due_at,
            "expires_at": self.owed.expires_at,
        }


def wanted(
    session: Session, phones: Collection[str], *, now: datetime
) -> dict[str, DesiredMessage]:
    """By key, every text that these phones are owed or would be, but for reasons. Only reads.

    A text that went to another phone, which staff have corrected since, has its key already: it is
    owed to the new phone under a key of its own.
    """
    again = resends.owed(session, phones)
    wants = [
        DesiredMessage(
            household.phone, stored_id(household.clinic.id), owed, text_of(household.clinic, owed)
        )
        for household in recipients.gather(session, phones, now=now, unsaid=again)
        for owed in household.owed(now)
    ]
    went_to = _went_to(session, [want.owed.key for want in wants])
    return {_key(want, went_to, again): want for want in wants}


def _key(
    want: DesiredMessage, went_to: Mapping[str, str], again: Mapping[tuple[str, str], str]
) -> str:
    key = want.owed.key
    if went_to.get(key, want.phone) != want.phone:
        key = recipients.key_of(key, want.phone)
    return again.get((want.phone, key), key)


def _went_to(session: Session, keys: Collection[str]) -> dict[str, str]:
    """By key, the phone that a text was sent to, or is just being sent to."""
    rows = session.exec(
        select(Message.key, Message.phone).where(
            col(Message.key).in_(keys), col(Message.state).not_in(UNDECIDED)
        )
    )
    return dict(rows.all())


def text_of(clinic: Clinic, owed: types.DueMessage) -> str:
    """The words of a text, in the patient's language, else the clinic's."""
    visit = owed.visit
    return compose(
        clinic,
        default_texts.template(owed.rule.words(owed.cases), visit.language, clinic.language),
        languages.of(visit.language, clinic.language),
        starts_at=visit.starts_at,
        number=visit.number,
        total=visit.total,
        practitioner=visit.practitioner,
    )


def compose(
    clinic: Clinic,
    template: str,
    language: Language,
    *,
    starts_at: datetime,
    number: int,
    total: int,
    practitioner: str,
) -> str:
    """What a template says of a session, in the clinic's wall time: what is sent, but for secrets.

    Staff see the same before they save a template.
    """
    local = starts_at.astimezone(ZoneInfo(clinic.timezone))
    return templating.render(
        template,
        {
            **fields_of(clinic),
            **templating.when(local, language, templating.clock_of(clinic.country)),
            "number": str(number),
            "total": str(total),
            "practitioner": templating.short_name(practitioner)
            or default_texts.template(default_texts.COLLEAGUE, language.code),
        },
    )


def fields_of(clinic: Clinic) -> dict[str, str]:
    """What a clinic's texts may say of the clinic."""
    phone = for_people(clinic.phone) if clinic.phone.startswith("+") else clinic.phone
    return {"clinic": clinic.text_name, "phone": phone, "emergency": clinic.emergency_phone}


def derive(
    session: Session, phones: Collection[str], *, now: datetime
) -> dict[str, DesiredMessage]:
    """Bring the messages of these phones in step with the calendar; returns what it wants now."""
    take_turn(session, phones)
    clinic_ids = session.exec(
        select(Patient.clinic_id).where(col(Patient.phone).in_(phones)).distinct()
    ).all()
    clinic_rules.settle(session, clinic_ids, now=now)
    wants = wanted(session, phones, now=now)
    if bulk_holds.watch(session, _news(wants), now=now):
        wants = wanted(session, phones, now=now)
    rows = _rows(session, phones, wants)
    for row in rows:
        if row.key in wants:
            _follow(row, wants[row.key], now)
        elif row.state == MessageState.OWED:
            row.state, row.reason = MessageState.WITHDRAWN, why_gone(session, row)
        session.add(row)
    session.flush()
    _insert(session, wants, but={row.key for row in rows}, now=now)
    return wants


def _news(wants: Mapping[str, DesiredMessage]) -> list[tuple[int, datetime]]:
    """What the clinics have changed and would tell: which of them, and when."""
    return [
        (want.clinic_id, want.owed.changed_at)
        for want in wants.values()
        if want.owed.verdict == "owed" and want.owed.changed_at is not None
    ]


def next_phones(session: Session, *, now: datetime, after: str = "") -> Sequence[str]:
    """The next batch of phones that may be owed something, in order, from `after` on. Only reads.

    To derive them all finds what no change announces: zone data that came with an update, rows
    restored by hand.
    """
    recent = select(Appointment.patient_id).where(Appointment.ends_at > now - recipients.LOOK_BACK)
    return session.exec(
        select(Patient.phone)
        .where(col(Patient.id).in_(recent), Patient.phone > after)
        .distinct()
        .order_by(Patient.phone)
        .limit(BATCH)
    ).all()


def in_batches(phones: Collection[str]) -> Iterator[list[str]]:
    """The phones, a transaction's worth at a time."""
    rest = iter(sorted(phones))
    while batch := list(islice(rest, BATCH)):
        yield batch


def take_turn(session: Session, phones: Collection[str]) -> None:
    """Wait until nobody else derives or sends for these phones; the turn ends with the transaction.

    Otherwise two workers could each find room for one more text to the same phone.
    """
    if session.get_bind().dialect.name != "postgresql":
        return  # a writer of SQLite is alone
    session.execute(
        sql(
            "SELECT pg_advisory_xact_lock(place) FROM (SELECT DISTINCT hashtextextended(phone, 0)"
            " AS place FROM unnest(CAST(:phones AS text[])) AS phone ORDER BY place) AS places"
        ),
        {"phones": list(phones)},
    )


def _rows(session: Session, phones: Collection[str], wants: Collection[str]) -> Sequence[Message]:
    """The derived messages that may have to change, locked."""
    return session.exec(
        select(Message)
        .where(
            col(Message.rule_id).is_not(None),
            or_(
                col(Message.key).in_(wants),
                col(Message.phone).in_(phones) & (col(Message.state) == MessageState.OWED),
            ),
        )
        .order_by(col(Message.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _follow(row: Message, want: DesiredMessage, now: datetime) -> None:
    """Let an unsent message follow the calendar; one that is being sent is left to its sender."""
    if row.state not in UNDECIDED or is_past(row, want):
        return
    if want.state == MessageState.OWED and row.expires_at <= now < want.owed.expires_at:
        row.next_look_at = None
    if row.state == MessageState.OWED and want.state == MessageState.EXPIRED:
        row.for_staff = True  # it was owed, and we let its time pass
    elif want.state == MessageState.OWED and row.state != MessageState.OWED:
        row.for_staff = False
    for name, value in want.values().items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def is_past(row: Message, want: DesiredMessage) -> bool:
    """Whether a text is too late and was not to go before that: why it was not, stays said."""
    return want.state == MessageState.EXPIRED and row.state in PAST


def _insert(
    session: Session, wants: dict[str, DesiredMessage], *, but: set[str], now: datetime
) -> None:
    missing = [
        {
            "key": key,
            "clinic_id": want.clinic_id,
            "kind": want.owed.rule.kind,
            "rule_id": int(want.owed.rule.id),
            "course_id": int(want.owed.visit.course_id),
            "patient_id": int(want.owed.visit.patient_id),
            "created_at": now,
            **want.values(),
        }
        for key, want in wants.items()
        if key not in but
    ]
    insert_or_ignore(session, Message, missing)


def why_gone(session: Session, row: Message) -> str:
    """The sentence for staff on a text that the calendar no longer wants."""
    patient = session.get(Patient, row.patient_id) if row.patient_id else None
    if consent.is_stopped(session, row.phone):
        return STOPPED
    if patient is None or patient.erased_at or not patient.sms_consent:
        return "The patient does not agree to texts."
    if patient.phone != row.phone:
        return "The patient has another phone now."
    rule = session.get(ReminderRule, row.rule_id) if row.rule_id else None
    if rule is None or not rule.active:
        return "The clinic no longer sends this text."
    if patient.texts == essential.FEWER and not _is_essential(session, rule):
        return "The patient wants fewer texts."
    return what_happened(session, row)


def _is_essential(session: Session, rule: ReminderRule) -> bool:
    rules = clinic_rules.of_clinics(session, [rule.clinic_id])[rule.clinic_id]
    return str(rule.id) in {each.id for each in essential.essential(rules)}


def what_happened(session: Session, row: Message) -> str:
    """The sentence for staff on what has become of the session that a text is about."""
    course = session.get(Course, row.course_id) if row.course_id else None
    if course is not None and course.state == CourseState.NEEDS_CLEARANCE:
        return "The course waits for a practitioner's clearance."
    appointment = session.get(Appointment, row.appointment_id) if row.appointment_id else None
    if appointment is None or appointment.state == AppointmentState.CANCELLED:
        return "The session was cancelled."
    if appointment.state == AppointmentState.NO_SHOW:
        return "The session was missed."
    if appointment.starts_at != row.about:
        return "The session was moved."
    return "It no longer holds."


def owe_code(session: Session, phone_code: PhoneCode, *, language: str, now: datetime) -> Message:
    """The text with the six digits; they are filled in only as it is sent.

    TooMany where nobody here has the phone and it was texted too often today, whatever for: its
    owner may know nothing of us.
    """
    phone = phone_code.phone
    take_turn(session, [phone])
    if is_strange(session, phone) and said_since(session, phone, now - DAY) >= MOST_TO_STRANGERS:
        raise verification.too_many()
    clinic = session.exec(select(Clinic).where(Clinic.id == phone_code.clinic_id)).one()
    message = Message(
        clinic_id=phone_code.clinic_id,
        key=f"code:{phone_code.id}",
        kind="code",
        phone_code_id=phone_code.id,
        phone=phone_code.phone,
        language=language,
        text=templating.render(
            default_texts.answer("code", language, clinic.language), fields_of(clinic)
        ),
        asked=True,
        priority=100,
        due_at=now,
        expires_at=phone_code.expires_at,
        created_at=now,
    )
    session.add(message)
    session.flush()
    return message


def owe_answer(
    session: Session,
    *,
    clinic: Clinic,
    phone: str,
    language: str,
    kind: str,
    to_reply: int,
    now: datetime,
    useful: timedelta,
    fields: dict[str, str] | None = None,
    appointment: Appointment | None = None,
    course_id: int | None = None,
    patient_id: int | None = None,
) -> Message:
    """A text that answers a reply; due now and of use for `useful`."""
    message = Message(
        clinic_id=stored_id(clinic.id),
        key=f"answer:{to_reply}:{kind}",
        kind=kind,
        course_id=appointment.course_id if appointment else course_id,
        appointment_id=appointment.id if appointment else None,
        patient_id=appointment.patient_id if appointment else patient_id,
        about=appointment.starts_at if appointment else None,
        phone=phone,
        language=language,
        text=templating.render(
            default_texts.template(
                default_texts.ANSWERS.get(kind) or default_texts.TEMPLATES[kind],
                language,
                clinic.language,
            ),
            {**fields_of(clinic), **(fields or {})},
        ),
        asked=True,
        priority=100,
        due_at=now,
        expires_at=now + useful,
        created_at=now,
    )
    session.add(message)
    session.flush()
    return message


def is_strange(session: Session, phone: str) -> bool:
    """Whether no patient has this phone."""
    whose = select(Patient.id).where(Patient.phone == phone, col(Patient.erased_at).is_(None))
    return session.exec(whose).first() is None


def said_since(session: Session, phone: str, since: datetime) -> int:
    """How many texts a phone was owed since an instant, those aside that never went out."""
    return session.exec(
        select(func.count())
        .select_from(Message)
        .where(
            Message.phone == phone,
            Message.created_at > since,
            col(Message.state).not_in((MessageState.WITHDRAWN, MessageState.EXPIRED)),
        )
    ).one()


def silence(session: Session, phone: str, *, but: Collection[str], now: datetime) -> None:
    """Withdraw at once what a phone is owed that wants no more texts, but for some kinds."""
    derive(session, [phone], now=now)
    session.exec(
        update(Message)
        .where(
            col(Message.phone) == phone,
            col(Message.state) == MessageState.OWED,
            col(Message.kind).not_in(but),
        )
        .values(state=MessageState.WITHDRAWN, reason=STOPPED)
        .execution_options(synchronize_session=False)
    )


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
