"""Reads a stored reply and acts on it. A reply that is not certain goes before staff.

A reply changes something only if its subject is unambiguous. Answers go through the outbox, so that
they too are sent once.
"""

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import Actor
from scheduler.clinic.models import Clinic
from scheduler.patients import consent
from scheduler.reminders.intents import Intent
from scheduler.reminders.kinds import registry
from scheduler.reminders.models import Reply
from scheduler.reminders.outbox import open_questions, outbox
from scheduler.reminders.outbox.open_questions import Contact
from scheduler.reminders.replies import actions
from scheduler.reminders.replies.reading.intent import ParsedReply, parse
from scheduler.reminders.replies.reply_context import Conversation


class InboundContext(NamedTuple):
    """A reply as parsed, with what is known beside its words."""

    parsed: ParsedReply
    carrier_did: str
    pictures: int
    was_stopped: bool

    @property
    def asks_to_stop(self) -> bool:
        """Whether the patient opts out, by our reading or the carrier's."""
        opts_out = self.parsed.also_stop or self.parsed.meaning == Intent.STOP
        return opts_out or self.carrier_did == "STOP"

    @property
    def asks_to_start(self) -> bool:
        """Whether the patient opts in again."""
        return self.carrier_did == "START" or self.parsed.meaning == Intent.START


def read(session: Session, reply_id: int, *, now: datetime) -> None:
    """Read a reply stored by `inbound.store` and act on it, exactly once."""
    phone = session.exec(select(Reply.phone).where(Reply.id == reply_id)).one()
    # One reply of a phone at a time, so that two workers do not both pass the answer limit.
    outbox.take_turn(session, [phone])
    reply = session.exec(
        select(Reply)
        .where(Reply.id == reply_id, Reply.meaning == Intent.UNREAD)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if reply is None:
        return
    context = InboundContext(
        parse(reply.body, sent=open_questions.texts_before(session, phone, at=reply.at)),
        reply.carrier_did,
        reply.pictures,
        consent.is_stopped(session, phone),
    )
    # A reply that failed to be read was put before staff. Decide again whether it must be.
    reply.for_staff, reply.urgent, reply.reason = False, False, ""
    reply.meaning, reply.next_read_at = context.parsed.meaning, None
    if context.asks_to_stop and reply.meaning != Intent.EMERGENCY:
        reply.meaning = Intent.STOP
    _apply_opt_out(session, reply, context, now)
    contact = open_questions.contact(session, phone)
    if contact is None and reply.meaning == Intent.EMERGENCY:
        contact = _any_clinic(session)
    reply.clinic_id = contact.clinic.id if contact else None
    if contact is None:
        # An unknown phone and several clinics: no clinic can answer.
        reply.for_staff = reply.meaning != Intent.REACTION
    else:
        _answer(session, reply, contact, context, now)
    session.add(reply)
    session.flush()


def _apply_opt_out(session: Session, reply: Reply, context: InboundContext, now: datetime) -> None:
    """Apply an opt-out or opt-in at once, whatever else the reply says."""
    actor = Actor(kind="patient", origin="text")
    phone, said_at = reply.phone, reply.at
    if context.asks_to_stop:
        if consent.stop(session, actor, phone, words=reply.body, said_at=said_at, now=now):
            outbox.withdraw_after_opt_out(
                session, phone, except_kinds=registry.AFTER_OPT_OUT, now=now
            )
    elif context.asks_to_start:
        consent.start(session, actor, phone, said_at=said_at, now=now)


def _answer(
    session: Session, reply: Reply, contact: Contact, context: InboundContext, now: datetime
) -> None:
    if len(contact.patients) == 1:
        reply.patient_id = contact.patients[0].id
    silent = bool(context.carrier_did) or (reply.meaning == Intent.STOP and context.was_stopped)
    if reply.meaning == Intent.EMERGENCY:
        # An emergency is answered in its own language, even if the carrier has answered.
        language = context.parsed.language or contact.language
        contact, silent = contact._replace(language=language), False
    conversation = Conversation(session, reply, contact, silent, now)
    if context.pictures:
        conversation.tell_staff("A picture came with it. The carrier keeps it.")
    _respond(conversation, context.parsed)


def _respond(conversation: Conversation, parsed: ParsedReply) -> None:
    match conversation.reply.meaning:
        case Intent.EMERGENCY:
            actions.warn(conversation, parsed)
        case Intent.STOP:
            actions.confirm_opt_out(conversation)
        case Intent.START:
            conversation.answer("started")
        case Intent.HELP:
            conversation.answer("help")
        case Intent.CONFIRM:
            actions.confirm(conversation, parsed)
        case Intent.RESCHEDULE:
            actions.reschedule(conversation, parsed)
        case Intent.SCORE:
            actions.take_number(conversation, parsed)
        case Intent.REACTION:
            pass
        case _ if parsed.every and actions.take_every(conversation, parsed.every):
            pass
        case _:
            actions.pass_on(conversation, "A question, or something that the program cannot read.")


def _any_clinic(session: Session) -> Contact | None:
    """The first clinic. Its emergency number answers a person who is unknown to every clinic."""
    clinic = session.exec(select(Clinic).order_by(col(Clinic.id))).first()
    return Contact(clinic, [], clinic.language) if clinic else None
