"""What patients text to us, and what is done about it: as little as is certain, the rest by staff.

A reply changes something only where it is plain what it is about. Answers go through the outbox, so
that they too are sent once.
"""

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import Actor
from scheduler.clinic.models import Clinic
from scheduler.patients import consent
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Reply
from scheduler.reminders.outbox import open_questions, outbox
from scheduler.reminders.outbox.open_questions import Contact
from scheduler.reminders.replies import actions
from scheduler.reminders.replies.intent import ParsedReply, parse
from scheduler.reminders.replies.reply_context import Conversation
from scheduler.reminders.sending import claims


class InboundContext(NamedTuple):
    """What there is to know about a text beside its words."""

    understood: ParsedReply
    carrier_did: str
    pictures: int
    was_stopped: bool

    @property
    def asks_to_stop(self) -> bool:
        """Whether it wants no more texts, by our reading or the carrier's."""
        understood = self.understood
        wishes = understood.also_stop or understood.meaning == Intent.STOP
        return wishes or self.carrier_did == "STOP"

    @property
    def asks_to_start(self) -> bool:
        """Whether it wants texts again."""
        return self.carrier_did == "START" or self.understood.meaning == Intent.START


def read(session: Session, reply_id: int, *, now: datetime) -> None:
    """Read a text that was kept (`arrivals.keep`) and do what it asks; once, whoever tries."""
    phone = session.exec(select(Reply.phone).where(Reply.id == reply_id)).one()
    # One text of a phone at a time: two could each find that it had few answers.
    outbox.take_turn(session, [phone])
    reply = session.exec(
        select(Reply)
        .where(Reply.id == reply_id, Reply.meaning == Intent.UNREAD)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if reply is None:
        return
    heard = InboundContext(
        parse(reply.body),
        reply.carrier_did,
        reply.pictures,
        consent.is_stopped(session, phone),
    )
    # Staff may have seen it because it could not be read. Whether they must is settled now.
    reply.for_staff, reply.urgent, reply.reason = False, False, ""
    reply.meaning, reply.next_read_at = heard.understood.meaning, None
    if heard.asks_to_stop and reply.meaning != Intent.EMERGENCY:
        reply.meaning = Intent.STOP
    _obey(session, reply, heard, now)
    contact = open_questions.contact(session, phone)
    if contact is None and reply.meaning == Intent.EMERGENCY:
        contact = _any_clinic(session)
    reply.clinic_id = contact.clinic.id if contact else None
    if contact is None:
        # A stranger, and several clinics: there is nobody in whose name to answer.
        reply.for_staff = reply.meaning != Intent.REACTION
    else:
        _answer(session, reply, contact, heard, now)
    session.add(reply)
    session.flush()


def _obey(session: Session, reply: Reply, heard: InboundContext, now: datetime) -> None:
    """Stop and start at once, whoever it is and whatever else the text says."""
    actor = Actor(kind="patient", origin="text")
    phone, said_at = reply.phone, reply.at
    if heard.asks_to_stop:
        if consent.stop(session, actor, phone, words=reply.body, said_at=said_at, now=now):
            outbox.silence(session, phone, but=claims.SENT_THOUGH_STOPPED, now=now)
    elif heard.asks_to_start:
        consent.start(session, actor, phone, said_at=said_at, now=now)


def _answer(
    session: Session, reply: Reply, contact: Contact, heard: InboundContext, now: datetime
) -> None:
    if len(contact.patients) == 1:
        reply.patient_id = contact.patients[0].id
    silent = bool(heard.carrier_did) or (reply.meaning == Intent.STOP and heard.was_stopped)
    if reply.meaning == Intent.EMERGENCY:
        # Danger is answered in the words it came in, even where the carrier has said something.
        contact, silent = contact._replace(language=heard.understood.language), False
    talk = Conversation(session, reply, contact, silent, now)
    if heard.pictures:
        talk.tell_staff("A picture came with it; it is kept at the carrier.")
    _respond(talk, heard.understood)


def _respond(talk: Conversation, understood: ParsedReply) -> None:
    match talk.reply.meaning:
        case Intent.EMERGENCY:
            actions.warn(talk, also_stop=understood.also_stop)
        case Intent.STOP:
            actions.say_goodbye(talk)
        case Intent.START:
            talk.answer("started")
        case Intent.HELP:
            talk.answer("help")
        case Intent.CONFIRM:
            actions.confirm(talk, understood)
        case Intent.RESCHEDULE:
            actions.reschedule(talk, understood)
        case Intent.SCORE:
            actions.take_number(talk, understood)
        case Intent.REACTION:
            pass
        case _ if understood.every and actions.take_every(talk, understood.every):
            pass
        case _:
            actions.pass_on(talk, "A question, or something that people understand better.")


def _any_clinic(session: Session) -> Contact | None:
    """Somebody unknown may be in danger: the emergency number of the first clinic it is."""
    clinic = session.exec(select(Clinic).order_by(col(Clinic.id))).first()
    return Contact(clinic, [], clinic.language) if clinic else None
