"""Stored instants until which something waits, for clocks that may be set back.

A clock that runs hours ahead stores instants that are hours in the future. After it has been set
back, such an instant would hold up the program until the real time has reached it. So an instant
further ahead than it can be counts as over.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import and_, or_

CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""How far the clocks of two processes may differ: each reads the database's every few seconds."""


def is_ahead(until: datetime, *, now: datetime, longest: timedelta) -> bool:
    """Whether something waits until then. `longest`: the longest wait that is ever stored."""
    return now < until <= now + longest + CLOCKS_DIFFER_BY


def is_over(until: Any, *, now: datetime, longest: timedelta) -> ColumnElement[bool]:
    """The condition that a column's wait is over. `longest`: the longest wait ever stored."""
    return or_(until <= now, until > now + longest + CLOCKS_DIFFER_BY)


def is_within(at: Any, *, now: datetime, past: timedelta) -> ColumnElement[bool]:
    """The condition that a column's instant, not in the future, is less than `past` ago."""
    return and_(at > now - past, at <= now + CLOCKS_DIFFER_BY)
