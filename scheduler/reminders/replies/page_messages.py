"""What patients say on their private page: before staff, in the list of replies to texts.

A message is read by people; only danger is answered at once, and a wish for no texts obeyed.
"""

import unicodedata
from datetime import datetime, timedelta
from secrets import token_hex
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from scheduler.audit import audit_trail
from scheduler.audit.audit_trail import Actor
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Reply
from scheduler.reminders.outbox import outbox
from scheduler.reminders.replies.intent import parse
from scheduler.reminders.sending import claims

PAGE = "page:"
"""How the id of such a reply begins, where a text has its carrier's."""

LONGEST = 500
MOST_A_DAY = 5
MOST_URGENT_A_DAY = 20
"""Whoever speaks of danger is heard beyond the limit; a program that does is not, for ever."""

DAY = timedelta(days=1)
TWICE = timedelta(minutes=10)
"""The same words again within this are the same message: a second click, a page that was reloaded.
"""

LEFT = "Left on the private page."
DANGER = "It speaks of danger."
STOPPED = "The phone asked for no more texts."


class Noted(NamedTuple):
    """What a message was taken for, beside being one."""

    urgent: bool = False
    stopped: bool = False


def clean(typed: str) -> str:
    """A message as it is kept. Unfit for an empty one, and for one that is too long."""
    lines = typed.replace("\r\n", "\n").replace("\r", "\n")
    body = "".join(
        sign for sign in lines if sign == "\n" or unicodedata.category(sign)[0] != "C"
    ).strip()
    if not body:
        raise Invalid(_("Please write what you would like to tell us."), field="message")
    if len(body) > LONGEST:
        raise Invalid(
            _("This is too long: %(length)s characters, and there is room for %(most)s.")
            % {"length": len(body), "most": LONGEST},
            field="message",
        )
    return body


def leave(session: Session, actor: Actor, patient: Patient, *, body: str, now: datetime) -> Noted:
    """Put a message (see `clean`) before staff. TooMany where there were enough for a day.

    Danger is told back even then, and a wish for no texts obeyed.
    """
    outbox.take_turn(session, [patient.phone])
    understood = parse(body)
    urgent = understood.meaning == Intent.EMERGENCY
    stops = understood.also_stop or understood.meaning == Intent.STOP
    noted = Noted(urgent, stops)
    if stops:
        _silence(session, actor, patient, body, now)
    if not _is_said_again(session, patient, body, now):
        left = _left_since(session, patient, now - DAY)
        if left >= (MOST_URGENT_A_DAY if urgent else MOST_A_DAY):
            if urgent or stops:
                return noted
            raise TooMany(
                _("You have written %(number)s messages within a day. Please call us instead.")
                % {"number": left},
                retry_after=3600,
            )
        meaning = understood.meaning if urgent or stops else Intent.UNCLEAR
        reasons = [LEFT, *[DANGER] * urgent, *[STOPPED] * stops]
        _keep(session, actor, patient, body=body, meaning=meaning, reasons=reasons, now=now)
    return noted


def stop(session: Session, actor: Actor, patient: Patient, *, words: str, now: datetime) -> None:
    """No more texts to this phone, as if STOP had been texted; staff see it, and may have to call.

    In force when this transaction ends: what is owed is withdrawn with it.
    """
    outbox.take_turn(session, [patient.phone])
    if not _silence(session, actor, patient, words, now):
        return
    if _left_since(session, patient, now - DAY) < MOST_A_DAY:
        reasons = [LEFT, STOPPED]
        _keep(session, actor, patient, body=words, meaning=Intent.STOP, reasons=reasons, now=now)


def is_note(reply: Reply) -> bool:
    """Whether it was said on the page, not texted."""
    return reply.carrier_id.startswith(PAGE)


def _silence(session: Session, actor: Actor, patient: Patient, words: str, now: datetime) -> bool:
    phone = patient.phone
    is_news = consent.stop(session, actor, phone, words=words, channel=consent.PAGE, now=now)
    if is_news:
        outbox.silence(session, phone, but=claims.SENT_THOUGH_STOPPED, now=now)
    return is_news


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
        carrier_id=f"{PAGE}{token_hex(12)}",
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
        session, actor, "wrote", "reply", reply.id, clinic_id=patient.clinic_id, now=now
    )  # fmt: skip


def _is_said_again(session: Session, patient: Patient, body: str, now: datetime) -> bool:
    same = select(Reply.id).where(
        Reply.patient_id == patient.id,
        col(Reply.carrier_id).startswith(PAGE),
        Reply.body == body,
        Reply.at > now - TWICE,
    )
    return session.exec(same).first() is not None


def _left_since(session: Session, patient: Patient, since: datetime) -> int:
    return session.exec(
        select(func.count())
        .select_from(Reply)
        .where(
            Reply.patient_id == patient.id,
            col(Reply.carrier_id).startswith(PAGE),
            Reply.at > since,
        )
    ).one()
