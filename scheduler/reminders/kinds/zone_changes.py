"""Texts about sessions that keep their wall time but have another instant: none is sent twice.

A text's key names its session's instant. What has gone out said the wall time, and that still
holds; so its row follows the session: the same text is not owed anew, and an answer to it is about
the time at which the session is. Texts that are still owed are derived anew, like after any change.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from scheduler.infra.intervals import minute_of
from scheduler.reminders.models import Message
from scheduler.reminders.outbox.open_questions import HAVE_GONE

GONE = frozenset(HAVE_GONE)
NOTE = "Clocks were changed after this went out; the time that it names still holds."

MANY = 500


class Moment(NamedTuple):
    """When a session began, and when it begins now."""

    before: datetime
    after: datetime


def follow(session: Session, moved: Mapping[int, Moment]) -> int:
    """Let the texts about sessions (by id) follow them; how many of those had gone out.

    Those get a note that staff read.
    """
    ids, told = sorted(moved), 0
    for start in range(0, len(ids), MANY):
        rows = session.exec(
            select(Message)
            .where(col(Message.appointment_id).in_(ids[start : start + MANY]))
            .order_by(col(Message.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        told += _follow(session, rows, moved)
    return told


def _follow(session: Session, rows: Sequence[Message], moved: Mapping[int, Moment]) -> int:
    told = 0
    follows = [row for row in rows if row.about == moved[row.appointment_id or 0].before]
    wanted = {row.id: _key(row, moved[row.appointment_id or 0]) for row in follows}
    # A session that was moved earlier may have had a text about the instant that is now its own.
    # That text named another time on the wall: it must not stand for the one that follows.
    taken = set(wanted.values())
    for row in rows:
        if row.id not in wanted and row.key in taken:
            row.key = f"{row.key}~{row.id}"
            session.add(row)
    for row in follows:
        if wanted[row.id] != row.key:
            row.key = f"{row.key}~{row.id}"
            session.add(row)
    # Two steps, because a key that one row leaves may be another's new one.
    session.flush()
    for row in follows:
        row.key = wanted[row.id]
        row.about = moved[row.appointment_id or 0].after
        if row.state in GONE:
            row.reason = NOTE
            told += 1
        session.add(row)
    session.flush()
    return told


def _key(row: Message, moment: Moment) -> str:
    plain, at, phone = row.key.partition("@")
    before = f":{row.appointment_id}:{minute_of(moment.before)}"
    if row.rule_id is None or not plain.endswith(before):
        return row.key
    head = plain.removesuffix(before)
    return f"{head}:{row.appointment_id}:{minute_of(moment.after)}{at}{phone}"
