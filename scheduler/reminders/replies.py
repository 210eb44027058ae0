"""What patients text to us, and what is done about it: as little as is certain, the rest by staff.

A reply changes something only where it is plain what it is about. Answers go through the outbox, so
that they too are sent once.
"""

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from scheduler.audit import Actor
from scheduler.clinic.models import Clinic
from scheduler.patients import consent
from scheduler.reminders import answers, claims, outbox, questions
from scheduler.reminders.conversation import Conversation
from scheduler.reminders.keywords import Meaning, Understood, understand
from scheduler.reminders.models import Reply
from scheduler.reminders.questions import Contact


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


def read(session: Session, reply_id: int, *, now: datetime) -> None:
    """Read a text that was kept (`arrivals.keep`) and do what it asks; once, whoever tries."""
    phone = session.exec(select(Reply.phone).where(Reply.id == reply_id)).one()
    # One text of a phone at a time: two could each find that it had few answers.
    outbox.take_turn(session, [phone])
    reply = session.exec(
        select(Reply)
        .where(Reply.id == reply_id, Reply.meaning == Meaning.UNREAD)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if reply is None:
        return
    heard = Heard(
        understand(reply.body),
        reply.carrier_did,
        reply.pictures,
        consent.is_stopped(session, phone),
    )
    # Staff may have seen it because it could not be read. Whether they must is settled now.
    reply.for_staff, reply.urgent, reply.reason = False, False, ""
    reply.meaning, reply.next_read_at = heard.understood.meaning, None
    if heard.asks_to_stop and reply.meaning != Meaning.EMERGENCY:
        reply.meaning = Meaning.STOP
    _obey(session, reply, heard, now)
    contact = questions.contact(session, phone)
    if contact is None and reply.meaning == Meaning.EMERGENCY:
        contact = _any_clinic(session)
    reply.clinic_id = contact.clinic.id if contact else None
    if contact is None:
        # A stranger, and several clinics: there is nobody in whose name to answer.
        reply.for_staff = reply.meaning != Meaning.REACTION
    else:
        _answer(session, reply, contact, heard, now)
    session.add(reply)
    session.flush()


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
        case _ if understood.every and answers.take_every(talk, understood.every):
            pass
        case _:
            answers.pass_on(talk, "A question, or something that people understand better.")


def _any_clinic(session: Session) -> Contact | None:
    """Somebody unknown may be in danger: the emergency number of the first clinic it is."""
    clinic = session.exec(select(Clinic).order_by(col(Clinic.id))).first()
    return Contact(clinic, [], clinic.language) if clinic else None
