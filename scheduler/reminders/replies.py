"""What patients text to us, and what is done about it: as little as is certain, the rest by staff.

A reply changes something only where it is plain what it is about. Answers go through the outbox, so
that they too are sent once.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from scheduler.audit import Actor
from scheduler.clinic.models import Clinic
from scheduler.patients import consent
from scheduler.reminders import answers, claims, outbox, questions
from scheduler.reminders.conversation import Conversation
from scheduler.reminders.keywords import Meaning, Understood, understand
from scheduler.reminders.models import Reply
from scheduler.reminders.questions import Contact

MAX_BODY = 1600


class Heard(NamedTuple):
    """What there is to know about a text beside its words."""

    understood: Understood
    carrier_did: str
    pictures: int
    was_stopped: bool

    @property
    def asks_to_stop(self) -> bool:
        """Whether it wants no more texts, by our reading or the carrier's."""
        understood = self.understood
        wishes = understood.also_stop or understood.meaning == Meaning.STOP
        return wishes or self.carrier_did == "STOP"

    @property
    def asks_to_start(self) -> bool:
        """Whether it wants texts again."""
        return self.carrier_did == "START" or self.understood.meaning == Meaning.START


def receive(
    session: Session,
    *,
    carrier_id: str,
    phone: str,
    body: str,
    now: datetime,
    sent_at: datetime | None = None,
    carrier_did: str = "",
    pictures: int = 0,
) -> None:
    """Take in a text, once, whatever number of times the carrier brings it.

    `sent_at`: when it was sent, where that may be long ago. `carrier_did`: STOP, START or HELP,
    where the carrier has acted on it and answered already. `pictures`: how many came with it.
    """
    # One text of a phone at a time: two could each find that it had few answers.
    outbox.take_turn(session, [phone])
    heard = Heard(understand(body), carrier_did, pictures, consent.is_stopped(session, phone))
    reply = _keep(
        session,
        carrier_id=carrier_id,
        phone=phone,
        body=body.replace("\0", "")[:MAX_BODY],  # PostgreSQL keeps no NUL in texts
        meaning=heard.understood.meaning,
        reason="",
        offered={},
        at=min(sent_at or now, now),
    )
    if reply is None:
        return
    if heard.asks_to_stop and reply.meaning != Meaning.EMERGENCY:
        reply.meaning = Meaning.STOP
    _obey(session, reply, heard, now)
    contact = questions.contact(session, phone)
    if contact is None and reply.meaning == Meaning.EMERGENCY:
        contact = _any_clinic(session)
    if contact is None:
        # A stranger, and several clinics: there is nobody in whose name to answer.
        reply.for_staff = reply.meaning != Meaning.REACTION
    else:
        _answer(session, reply, contact, heard, now)
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


def _obey(session: Session, reply: Reply, heard: Heard, now: datetime) -> None:
    """Stop and start at once, whoever it is and whatever else the text says."""
    actor = Actor(kind="patient", origin="text")
    phone, said_at = reply.phone, reply.at
    if heard.asks_to_stop:
        if consent.stop(session, actor, phone, words=reply.body, said_at=said_at, now=now):
            outbox.silence(session, phone, but=claims.SENT_THOUGH_STOPPED, now=now)
    elif heard.asks_to_start:
        consent.start(session, actor, phone, said_at=said_at, now=now)


def _answer(session: Session, reply: Reply, contact: Contact, heard: Heard, now: datetime) -> None:
    reply.clinic_id = contact.clinic.id
    if len(contact.patients) == 1:
        reply.patient_id = contact.patients[0].id
    silent = bool(heard.carrier_did) or (reply.meaning == Meaning.STOP and heard.was_stopped)
    if reply.meaning == Meaning.EMERGENCY:
        # Danger is answered in the words it came in, even where the carrier has said something.
        contact, silent = contact._replace(language=heard.understood.language), False
    talk = Conversation(session, reply, contact, silent, now)
    if heard.pictures:
        talk.tell_staff("A picture came with it; it is kept at the carrier.")
    _respond(talk, heard.understood)


def _respond(talk: Conversation, understood: Understood) -> None:
    match talk.reply.meaning:
        case Meaning.EMERGENCY:
            answers.warn(talk, also_stop=understood.also_stop)
        case Meaning.STOP:
            answers.say_goodbye(talk)
        case Meaning.START:
            talk.answer("started")
        case Meaning.HELP:
            talk.answer("help")
        case Meaning.CONFIRM:
            answers.confirm(talk, understood)
        case Meaning.RESCHEDULE:
            answers.reschedule(talk, understood)
        case Meaning.SCORE:
            answers.take_number(talk, understood)
        case Meaning.REACTION:
            pass
        case _:
            answers.pass_on(talk, "A question, or something that people understand better.")


def _any_clinic(session: Session) -> Contact | None:
    """Somebody unknown may be in danger: the emergency number of the first clinic it is."""
    clinic = session.exec(select(Clinic).order_by(col(Clinic.id))).first()
    return Contact(clinic, [], clinic.language) if clinic else None
