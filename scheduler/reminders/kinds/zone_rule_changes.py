"""Keeps messages with their appointments when new zone data changes the instants of those.

The key of a message contains the start of its appointment. A sent message gave the wall time, which
has not changed. So its row follows the appointment: no second message becomes due, and an answer to
it is about the current start. Unsent messages are derived once more, as after any change.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from scheduler.reminders import message_key
from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.models import Message
from scheduler.reminders.outbox.open_questions import MAY_HAVE_ARRIVED
from scheduler.storage.database import stored_id

NOTE = "Clocks were changed after this went out; the time that it names still holds."

APPOINTMENTS_PER_BATCH = 500


class Shift(NamedTuple):
    """The start of an appointment before and after the zone data changed."""

    before: datetime
    after: datetime


def follow(session: Session, shifts: Mapping[int, Shift]) -> int:
    """Give the messages about moved appointments (by id) their new keys and instants.

    Returns how many had been sent. Staff get a note about these.
    """
    ids, sent = sorted(shifts), 0
    for start in range(0, len(ids), APPOINTMENTS_PER_BATCH):
        rows = session.exec(
            select(Message)
            .where(col(Message.appointment_id).in_(ids[start : start + APPOINTMENTS_PER_BATCH]))
            .order_by(col(Message.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        sent += _follow(session, rows, shifts)
    return sent


def _follow(session: Session, rows: Sequence[Message], shifts: Mapping[int, Shift]) -> int:
    shift_of = {row.id: shifts[row.appointment_id or 0] for row in rows}
    following = [row for row in rows if row.about == shift_of[row.id].before]
    keys = {row.id: _key(row, shift_of[row.id]) for row in following}
    # A message may exist about the instant that is now the start, because the appointment was there
    # before it was moved. That message gave another wall time, so it gives up its key.
    taken = set(keys.values())
    for row in rows:
        is_in_the_way = row.id not in keys and row.key in taken
        if is_in_the_way or keys.get(row.id, row.key) != row.key:
            row.key = message_key.superseded(stored_id(row.id))
            session.add(row)
    # Two steps, because the old key of one row may be the new key of another.
    session.flush()
    for row in following:
        row.key, row.about = keys[row.id], shift_of[row.id].after
        if row.state in MAY_HAVE_ARRIVED:
            row.reason = NOTE
        session.add(row)
    session.flush()
    return sum(row.state in MAY_HAVE_ARRIVED for row in following)


def _key(row: Message, shift: Shift) -> MessageKey:
    return message_key.with_new_start(
        row.key, row.appointment_id or 0, before=shift.before, after=shift.after
    )
