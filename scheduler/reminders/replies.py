"""What patients text to us, and what is done about it: as little as is certain, the rest by staff.

A reply changes something only where it is plain what it is about. Answers go through the outbox, so
that they too are sent once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from scheduler import languages
from scheduler.audit import Actor
from scheduler.booking import appointments
from scheduler.booking.models import Appointment, AppointmentState
from scheduler.clinic.models import Clinic
from scheduler.database import known
from scheduler.patients import consent
from scheduler.progress import scores
from scheduler.reminders import outbox, questions, wording
from scheduler.reminders.keywords import Meaning, Understood, understand
from scheduler.reminders.models import Message, Reply
from scheduler.reminders.questions import Asked, Contact

USEFUL = timedelta(minutes=30)
"""An answer that comes later than this answers nothing."""

FLOOD = timedelta(minutes=10)
MOST_ANSWERS = 3
"""Answers to one phone in ten minutes: two machines could talk to each other for ever."""

MOST_WARNINGS = 10
"""The same for somebody who may be in danger."""

MAX_BODY = 1600


@dataclass(frozen=True)
class Conversation:
    """One reply, who sent it, and whether we may answer."""

    session: Session
    reply: Reply
    contact: Contact
    silent: bool
    now: datetime

    @property
    def phone(self) -> str:
        """The sender's number."""
        return self.reply.phone

    def answer(
        self,
        kind: str,
        *,
        appointment: Appointment | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        """Owe the phone a text, unless the carrier has answered or there were too many."""
        most = MOST_WARNINGS if kind == "emergency" else MOST_ANSWERS
        if self.silent:
            return
        if outbox.answers_since(self.session, self.phone, self.now - FLOOD) >= most:
            return
        outbox.owe_answer(
            self.session,
            clinic=self.contact.clinic,
            phone=self.phone,
            language=self.contact.language,
            kind=kind,
            to_reply=known(self.reply.id),
            fields={**(fields or {}), **(self.when(appointment) if appointment else {})},
            appointment=appointment,
            useful=USEFUL,
            now=self.now,
        )

    def when(self, appointment: Appointment) -> dict[str, str]:
        """Date and time of a session as the patient reads them."""
        clinic = self.contact.clinic
        local = appointment.starts_at.astimezone(ZoneInfo(clinic.timezone))
        language = languages.of(self.contact.language, clinic.language)
        return wording.when(local, language, wording.clock_of(clinic.country))

    def actor(self, appointment: Appointment) -> Actor:
        """The patient whose session it is, acting by text."""
        return Actor(
            kind="patient",
            id=appointment.patient_id,
            clinic_ids=frozenset({appointment.clinic_id}),
            origin="text",
        )


def receive(
    session: Session,
    *,
    carrier_id: str,
    phone: str,
    body: str,
    now: datetime,
    carrier_did: str = "",
) -> None:
    """Take in a text, once, whatever number of times the carrier brings it.

    `carrier_did`: STOP, START or HELP, where the carrier has acted on it and answered already.
    """
    understood = understand(body)
    reply = _keep(
        session,
        carrier_id=carrier_id,
        phone=phone,
        body=body.replace("\0", "")[:MAX_BODY],  # PostgreSQL keeps no NUL in texts
        meaning=understood.meaning,
        at=now,
    )
    if reply is None:
        return
    if _asks_to_stop(understood, carrier_did):
        reply.meaning = Meaning.STOP if understood.meaning != Meaning.EMERGENCY else reply.meaning
        reply.for_staff = True
    contact = questions.contact(session, phone)
    if contact is None and understood.meaning == Meaning.EMERGENCY:
        contact = _any_clinic(session)
    was_stopped = consent.is_stopped(session, phone)
    _obey(session, reply, understood, carrier_did, now)
    if contact is None:
        # A stranger, and several clinics: there is nobody in whose name to answer.
        reply.for_staff = reply.for_staff or understood.meaning != Meaning.REACTION
    else:
        reply.clinic_id = contact.clinic.id
        if len(contact.patients) == 1:
            reply.patient_id = contact.patients[0].id
        silent = bool(carrier_did) or (reply.meaning == Meaning.STOP and was_stopped)
        _respond(Conversation(session, reply, contact, silent, now), understood)
    session.add(reply)
    session.flush()


def _keep(session: Session, **values: object) -> Reply | None:
    """The reply as a row, or None when we have it already."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if is_postgresql else sqlite.insert
    reply_id = session.execute(
        insert(Reply).values(**values).on_conflict_do_nothing().returning(col(Reply.id))
    ).scalar()
    return session.get(Reply, reply_id) if reply_id is not None else None


def _asks_to_stop(understood: Understood, carrier_did: str) -> bool:
    return carrier_did == "STOP" or understood.also_stop or understood.meaning == Meaning.STOP


def _obey(
    session: Session, reply: Reply, understood: Understood, carrier_did: str, now: datetime
) -> None:
    """Stop and start at once, whoever it is and whatever else the text says."""
    actor = Actor(kind="patient", origin="text")
    if _asks_to_stop(understood, carrier_did):
        consent.stop(session, actor, reply.phone, words=reply.body, now=now)
    elif carrier_did == "START" or understood.meaning == Meaning.START:
        consent.start(session, actor, reply.phone, now=now)


def _respond(talk: Conversation, understood: Understood) -> None:
    match talk.reply.meaning:
        case Meaning.EMERGENCY:
            talk.reply.urgent = talk.reply.for_staff = True
            talk.answer("emergency")
        case Meaning.STOP:
            talk.answer("stopped")
        case Meaning.START:
            talk.answer("started")
        case Meaning.HELP:
            talk.answer("help")
        case Meaning.CONFIRM:
            _confirm(talk)
        case Meaning.RESCHEDULE:
            _reschedule(talk)
        case Meaning.SCORE if understood.score is not None:
            _take_number(talk, understood.score)
        case Meaning.REACTION:
            pass
        case _:
            _pass_on(talk)


def _confirm(talk: Conversation) -> None:
    asked = questions.asked_about(talk.session, talk.phone, now=talk.now)
    unconfirmed = _unconfirmed(asked)
    if not asked:
        talk.reply.for_staff = True
        talk.answer("nothing_to_confirm")
    elif len(unconfirmed) > 1 and _are_one_time(unconfirmed):
        # Two children at the same time: a parent who comes with one comes with both.
        for each in unconfirmed:
            _settle_one(talk, each)
        _answer_for(talk, unconfirmed[0])
    elif len(unconfirmed) > 1:
        _ask_which(talk, unconfirmed)
    else:
        _confirm_one(talk, (unconfirmed or asked)[0])


def _unconfirmed(asked: Sequence[Asked]) -> list[Asked]:
    return [each for each in asked if each.appointment.state == AppointmentState.BOOKED]


def _are_one_time(asked: Sequence[Asked]) -> bool:
    """Whether all begin at one moment, and it is the one that was asked about."""
    times = {each.appointment.starts_at for each in asked} | {each.about for each in asked}
    return len(times) == 1


def _confirm_one(talk: Conversation, asked: Asked) -> None:
    _settle_one(talk, asked)
    _answer_for(talk, asked)


def _settle_one(talk: Conversation, asked: Asked) -> None:
    appointment = asked.appointment
    if asked.about == appointment.starts_at:
        appointments.confirm(talk.session, talk.actor(appointment), appointment, now=talk.now)


def _answer_for(talk: Conversation, asked: Asked) -> None:
    appointment = asked.appointment
    talk.reply.appointment_id = appointment.id
    talk.reply.patient_id = appointment.patient_id
    # They may say yes to a time that is no longer true: tell the new one then, and ask again.
    is_true = asked.about == appointment.starts_at
    talk.answer("confirmed" if is_true else "day_before", appointment=appointment)


def _reschedule(talk: Conversation) -> None:
    asked = questions.asked_about(talk.session, talk.phone, now=talk.now)
    sessions = asked or questions.next_sessions(talk.session, talk.phone, now=talk.now)
    if not sessions:
        _pass_on(talk)
    elif len(sessions) > 1:
        _ask_which(talk, sessions)
    else:
        _send_link(talk, sessions[0])


def _send_link(talk: Conversation, asked: Asked) -> None:
    talk.reply.appointment_id = asked.appointment.id
    talk.reply.patient_id = asked.appointment.patient_id
    talk.answer("reschedule", appointment=asked.appointment)


def _ask_which(talk: Conversation, sessions: Sequence[Asked]) -> None:
    talk.answer("which_one", fields={"choices": _choices(talk, sessions)})


def _choices(talk: Conversation, sessions: Sequence[Asked]) -> str:
    return ", ".join(f"{n}: {_choice(talk, each)}" for n, each in enumerate(sessions, start=1))


def _choice(talk: Conversation, asked: Asked) -> str:
    at = talk.when(asked.appointment)
    return f"{at['date']} {at['time']}"


def _take_number(talk: Conversation, number: int) -> None:
    question = questions.pending(talk.session, talk.phone, now=talk.now)
    if question is None:
        _pass_on(talk)
    elif question.kind == "which_one":
        _take_choice(talk, question, number)
    else:
        _take_score(talk, number)


def _take_choice(talk: Conversation, question: Message, number: int) -> None:
    confirms = questions.what_was_meant(talk.session, question) == Meaning.CONFIRM
    sessions = questions.asked_about(talk.session, talk.phone, now=talk.now)
    if confirms:
        # Not only those that are still unconfirmed: a second number may follow the first.
        sessions = [each for each in sessions if _choice(talk, each) in question.text]
    else:
        sessions = sessions or questions.next_sessions(talk.session, talk.phone, now=talk.now)
    # The number means what it meant in our question only if the list is still the same.
    is_same = _choices(talk, sessions) in question.text
    if not is_same or not 1 <= number <= len(sessions):
        _pass_on(talk)
    elif confirms:
        _confirm_one(talk, sessions[number - 1])
    else:
        _send_link(talk, sessions[number - 1])


def _take_score(talk: Conversation, value: int) -> None:
    scored = questions.checked_in(talk.session, talk.phone, now=talk.now)
    if len(scored) != 1:
        # Two people share the phone, and both were asked: a guess would be somebody's record.
        _pass_on(talk)
        return
    appointment = scored[0]
    talk.reply.appointment_id = appointment.id
    talk.reply.patient_id = appointment.patient_id
    scores.record(talk.session, talk.actor(appointment), appointment, value=value, now=talk.now)
    talk.answer("score_thanks", appointment=appointment, fields={"score": str(value)})


def _pass_on(talk: Conversation) -> None:
    talk.reply.for_staff = True
    talk.answer("unknown")


def _any_clinic(session: Session) -> Contact | None:
    """Somebody unknown may be in danger: the emergency number of the first clinic it is."""
    clinic = session.exec(select(Clinic).order_by(col(Clinic.id))).first()
    return Contact(clinic, [], clinic.language) if clinic else None
