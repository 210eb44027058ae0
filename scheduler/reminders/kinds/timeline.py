"""What a course's patient was texted and will be, when, and why. Only reads.

What the outbox has not written yet is worked out by the same arithmetic that it uses, so that the
page shown right after booking and the texts that go out later cannot differ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, Course
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import lost_links, waitlist_offers
from scheduler.reminders.models import Message, MessageState, ReminderRule
from scheduler.reminders.outbox import obstacles, outbox
from scheduler.reminders.outbox.outbox import DesiredMessage
from scheduler.reminders.schedule import types
from scheduler.storage.database import stored_id


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One text. Instants are aware, UTC. `why` says what it is about, `reason` why it did not go.

    `text` may hold `{link}` or `{code}`: secrets stand only in what is sent.
    """

    id: int | None
    """None: not written down yet"""
    kind: str
    why: str
    text: str
    state: MessageState
    reason: str
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    appointment_id: int | None
    number: int | None
    """of the session, within its course"""


def timeline(session: Session, course: Course, *, now: datetime) -> list[TimelineEntry]:
    """Every text about a course, by due time: sent, owed, and not sent with the reason."""
    numbers = _numbers(session, course)
    return sorted(
        _entries(session, course, numbers, now),
        key=lambda entry: (entry.sent_at or entry.due_at, entry.number or 0, entry.kind),
    )


def _entries(
    session: Session, course: Course, numbers: Mapping[int, int], now: datetime
) -> Iterator[TimelineEntry]:
    phone = session.exec(select(Patient.phone).where(Patient.id == course.patient_id)).one()
    wants = {
        key: want
        for key, want in outbox.desired(session, [phone], now=now).items()
        if want.due.appointment.course_id == str(course.id)
    }
    rows = {
        row.key: row for row in session.exec(select(Message).where(Message.course_id == course.id))
    }
    anchors = _anchors(session, rows)
    for key, row in rows.items():
        if row.state not in outbox.UNDECIDED or row.rule_id is None:
            yield _as_it_is(row, anchors.get(row.rule_id or 0), numbers)
        elif key not in wants:
            gone = row.state == MessageState.OWED
            reason = obstacles.of_derived(session, row) if gone else row.reason
            state = MessageState.WITHDRAWN if gone else MessageState(row.state)
            yield _as_it_is(row, anchors.get(row.rule_id), numbers, state, reason)
    for key, want in wants.items():
        existing = rows.get(key)
        if existing is not None and outbox.stays_as_it_is(existing, want):
            yield _as_it_is(existing, anchors.get(existing.rule_id or 0), numbers)
        elif existing is None or existing.state in outbox.UNDECIDED:
            yield _as_wanted(want, existing, numbers)


def _numbers(session: Session, course: Course) -> dict[int, int]:
    rows = session.exec(
        select(Appointment.id, Appointment.number).where(Appointment.course_id == course.id)
    )
    return {stored_id(appointment_id): number for appointment_id, number in rows}


def _anchors(session: Session, rows: Mapping[str, Message]) -> dict[int, ReminderRule]:
    ids = {row.rule_id for row in rows.values()}
    rules = session.exec(select(ReminderRule).where(col(ReminderRule.id).in_(ids)))
    return {stored_id(rule.id): rule for rule in rules}


def _as_it_is(
    row: Message,
    rule: ReminderRule | None,
    numbers: Mapping[int, int],
    state: MessageState | None = None,
    reason: str | None = None,
) -> TimelineEntry:
    number = numbers.get(row.appointment_id or 0)
    return TimelineEntry(
        id=row.id,
        kind=row.kind,
        why=why(rule, number) if rule else _unruled(row.kind),
        text=row.text,
        state=state or MessageState(row.state),
        reason=row.reason if reason is None else reason,
        due_at=row.due_at,
        expires_at=row.expires_at,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        appointment_id=row.appointment_id,
        number=number,
    )


def _unruled(kind: str) -> str:
    if kind in waitlist_offers.KINDS:
        return _("a free time from the waitlist")
    return _("the private link again") if kind in lost_links.KINDS else _("in answer to a text")


def _as_wanted(
    want: DesiredMessage, row: Message | None, numbers: Mapping[int, int]
) -> TimelineEntry:
    due = want.due
    number = numbers.get(want.appointment_id)
    return TimelineEntry(
        id=row.id if row else None,
        kind=due.rule.kind,
        why=why(due.rule, number),
        text=want.text,
        state=want.state,
        reason=want.reason,
        due_at=due.due_at,
        expires_at=due.expires_at,
        sent_at=None,
        delivered_at=None,
        appointment_id=want.appointment_id,
        number=number,
    )


def why(rule: types.Rule | ReminderRule, number: int | None) -> str:
    """What a text is about, in the words of who is spoken to: `the day before session 3`."""
    anchor, offset_minutes = rule.anchor, rule.offset_minutes
    if anchor == "booked":
        return _("when the course is booked")
    if anchor == "change":
        if rule.which == "reassigned":
            return _("when the clinic changes the practitioner")
        return _("when the clinic changes a time")
    about = _("session %(number)s") % {"number": number} if number else _("the session")
    if offset_minutes == 0:
        pattern = _("as %(session)s begins") if anchor == "start" else _("as %(session)s ends")
    elif offset_minutes < 0:
        pattern = _("%(span)s before %(session)s")
    else:
        pattern = _("%(span)s after %(session)s")
    return pattern % {"span": _span(abs(offset_minutes)), "session": about}


def _span(minutes: int) -> str:
    if minutes == 1440:
        return _("the day")
    if minutes % 1440 == 0:
        return translation.days(minutes // 1440)
    if minutes % 60 == 0:
        return translation.hours(minutes // 60)
    return translation.minutes(minutes)
