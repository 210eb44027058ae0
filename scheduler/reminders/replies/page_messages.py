"""Messages that patients write on their private page. Staff see them in the list of replies.

Staff read them. Only an emergency is answered at once, and an opt-out applies at once.
"""

import unicodedata
from datetime import datetime, timedelta
from secrets import token_hex
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.intents import Intent
from scheduler.reminders.kinds import registry
from scheduler.reminders.models import Reply
from scheduler.reminders.outbox import outbox
from scheduler.reminders.replies.reading.intent import parse

PAGE_PREFIX = "page:"
"""Prefix of the id of such a reply, where a text has the carrier's id."""

MAX_PAGE_MESSAGE_CHARACTERS = 500
MOST_A_DAY = 5
MOST_URGENT_A_DAY = 20
"""An emergency passes the daily limit, but even emergencies have a limit against programs."""

DAY = timedelta(days=1)
SAME_WITHIN = timedelta(minutes=10)
"""The same words within this time count as one message (a second click, a reload)."""

FROM_PAGE = "Left on the private page."
DANGER = "It speaks of danger."
STOPPED = "The phone asked for no more texts."


class ReadAs(NamedTuple):
    """How a page message was read, beside being a message."""

    urgent: bool = False
    stopped: bool = False


def clean(typed: str) -> str:
    """A message as it is stored. Raises Invalid if it is empty or too long."""
    lines = typed.replace("\r\n", "\n").replace("\r", "\n")
    body = "".join(
        character
        for character in lines
        if character == "\n" or unicodedata.category(character)[0] != "C"
    ).strip()
    if not body:
        raise Invalid(_("Please write what you would like to tell us."), field="message")
    if len(body) > MAX_PAGE_MESSAGE_CHARACTERS:
        raise Invalid(
            _("This is too long: %(length)s characters, and there is room for %(most)s.")
            % {"length": len(body), "most": MAX_PAGE_MESSAGE_CHARACTERS},
            field="message",
        )
    return body


def leave(session: Session, actor: Actor, patient: Patient, *, body: str, now: datetime) -> ReadAs:
    """Put a message (see `clean`) before staff. Raises TooMany above the daily limit.

    An emergency is still reported to the caller then, and an opt-out still applies.
    """
    outbox.take_turn(session, [patient.phone])
    parsed = parse(body)
    urgent = parsed.meaning == Intent.EMERGENCY
    stops = parsed.also_stop or parsed.meaning == Intent.STOP
    read_as = ReadAs(urgent, stops)
    if stops:
        _silence(session, actor, patient, body, now)
    if not _is_repeated(session, patient, body, now):
        count = _count_since(session, patient, now - DAY)
        if count >= (MOST_URGENT_A_DAY if urgent else MOST_A_DAY):
            if urgent or stops:
                return read_as
            raise TooMany(
                _("You have written %(number)s messages within a day. Please call us instead.")
                % {"number": count},
                retry_after=3600,
            )
        meaning = parsed.meaning if urgent or stops else Intent.UNCLEAR
        reasons = [FROM_PAGE, *[DANGER] * urgent, *[STOPPED] * stops]
        _keep(session, actor, patient, body=body, meaning=meaning, reasons=reasons, now=now)
    return read_as


def stop(session: Session, actor: Actor, patient: Patient, *, words: str, now: datetime) -> None:
    """Opt the phone out, as if the patient had texted STOP, and put it before staff.

    Messages that are still owed are withdrawn in the same transaction.
    """
    outbox.take_turn(session, [patient.phone])
    if not _silence(session, actor, patient, words, now):
        return
    if _count_since(session, patient, now - DAY) < MOST_A_DAY:
        reasons = [FROM_PAGE, STOPPED]
        _keep(session, actor, patient, body=words, meaning=Intent.STOP, reasons=reasons, now=now)


def is_from_page(reply: Reply) -> bool:
    """Whether the reply was written on the page, not texted."""
    return reply.carrier_id.startswith(PAGE_PREFIX)


def _silence(session: Session, actor: Actor, patient: Patient, words: str, now: datetime) -> bool:
    phone = patient.phone
    is_new = consent.stop(session, actor, phone, words=words, channel=consent.PAGE, now=now)
    if is_new:
        outbox.withdraw_after_opt_out(session, phone, except_kinds=registry.AFTER_OPT_OUT, now=now)
    return is_new


def _keep(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    body: str,
    meaning: Intent,
    reasons: list[str],
    now: datetime,
) -> None:
    reply = Reply(
        clinic_id=patient.clinic_id,
        carrier_id=f"{PAGE_PREFIX}{token_hex(12)}",
        phone=patient.phone,
        body=body,
        meaning=meaning,
        patient_id=patient.id,
        urgent=meaning == Intent.EMERGENCY,
        for_staff=True,
        reason=" ".join(reasons),
        at=now,
    )
    session.add(reply)
    session.flush()
    audit_trail.record(
        session, actor, Action.WROTE, "reply", reply.id, clinic_id=patient.clinic_id, now=now
    )  # fmt: skip


def _is_repeated(session: Session, patient: Patient, body: str, now: datetime) -> bool:
    same = select(Reply.id).where(
        Reply.patient_id == patient.id,
        col(Reply.carrier_id).startswith(PAGE_PREFIX),
        Reply.body == body,
        Reply.at > now - SAME_WITHIN,
    )
    return session.exec(same).first() is not None


def _count_since(session: Session, patient: Patient, since: datetime) -> int:
    return session.exec(
        select(func.count())
        .select_from(Reply)
        .where(
            Reply.patient_id == patient.id,
            col(Reply.carrier_id).startswith(PAGE_PREFIX),
            Reply.at > since,
        )
    ).one()
