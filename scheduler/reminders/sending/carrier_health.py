"""The line to the carrier, which all workers share: how fast it may be used, and whether it is up.

One row of the database says both, so that ten workers are no faster than one, and that one of them
finds out for all when the carrier is back. It is written as part of the claim of texts: a worker
that dies after it has at most used up the room for what it claimed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text as sql
from sqlmodel import Session, col, or_, select, update

from scheduler.reminders.models import THE_ONLY_LINE, CarrierState
from scheduler.reminders.sending import rate_limit
from scheduler.sms.sender import (
    Accepted,
    LeaseLost,
    RateLimited,
    Refused,
    TryLater,
    Unknown,
    Unreached,
)

Outcome = Accepted | Refused | TryLater | Unknown | LeaseLost

TRIPS_AFTER = 5
"""Calls in a row that reached nobody, or came to no end; then the line rests."""

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60))
"""How long it rests before one text is tried; after each that fails, the next longer."""

PROBE = timedelta(seconds=60)
"""How long the others wait for what becomes of that one text; a lease."""

REPAIR = timedelta(minutes=5)
"""When a text is tried again after our own account or settings were refused."""

LONGEST_REST = timedelta(minutes=5)
"""A rest that seems longer than this was written by a clock that has been set back since."""

HICCUP = "The carrier does not answer just now."


@dataclass(frozen=True)
class Capacity:
    """How much may be claimed now; if nothing because of the pace, seconds until a text may.

    Texts are taken as long as one segment at least is left; None: whatever their segments are.
    """

    texts: int
    segments: int | None = None
    wait: float | None = None


def capacity(session: Session, *, free: int, per_second: float | None, now: datetime) -> Capacity:
    """What of `free` texts the line takes now. Locks it until the transaction ends."""
    line = _line(session, lock=per_second is not None)
    if _rests(line, now):
        return Capacity(0)
    if line.failures >= TRIPS_AFTER:
        line = _line(session, lock=True)  # somebody else may be trying it out by now
        if _rests(line, now):
            return Capacity(0)
        free = min(free, 1)
    if per_second is None:
        return Capacity(free)
    seconds = seconds_of(session)
    segments = rate_limit.room(line.filled_at, seconds, per_second)
    if segments < 1:
        return Capacity(0, wait=rate_limit.next_in(line.filled_at, seconds, per_second))
    return Capacity(min(free, segments), segments)


def consume(session: Session, segments: int, *, per_second: float | None, now: datetime) -> None:
    """Texts of so many segments were claimed, in the transaction that asked for the room."""
    if segments == 0:
        return
    line = _line(session, lock=per_second is not None)
    if line.failures >= TRIPS_AFTER:
        line.shut_until = now + PROBE
    if per_second is not None:
        line.filled_at = rate_limit.used(line.filled_at, seconds_of(session), per_second, segments)
    session.add(line)
    session.flush()


def record_outcome(session: Session, outcome: Outcome, *, now: datetime) -> None:
    """Tell everybody how a call fared."""
    match outcome:
        case LeaseLost():
            pass
        case Unreached() | Unknown():
            _failed(session, now, outcome.sentence)
        case RateLimited():
            rest = min(outcome.retry_after or timedelta(seconds=1), LONGEST_REST)
            _up(session, shut_until=now + rest)
        case Refused() if outcome.stops_all:
            stop(session, outcome.sentence, now=now)
        case _:
            _up(session)


def stop(session: Session, trouble: str, *, now: datetime) -> None:
    """Nothing goes out for some minutes, for our account is refused; then one text is tried."""
    line = _line(session, lock=True)
    line.failures = max(TRIPS_AFTER, line.failures)
    line.shut_until, line.trouble = now + REPAIR, trouble[:300]
    session.add(line)
    session.flush()


def trouble(session: Session) -> str:
    """Why nothing goes out just now, in a sentence; empty if all is well."""
    line = _line(session, lock=False)
    return line.trouble if line.failures >= TRIPS_AFTER else ""


def _failed(session: Session, now: datetime, sentence: str) -> None:
    line = _line(session, lock=True)
    line.failures += 1
    if line.failures >= TRIPS_AFTER:
        pause = PAUSES[min(line.failures - TRIPS_AFTER, len(PAUSES) - 1)]
        line.shut_until, line.trouble = now + pause, sentence[:300] or HICCUP
    session.add(line)
    session.flush()


def _up(session: Session, shut_until: datetime | None = None) -> None:
    """The carrier answers. Written only where it is news: this is done after each text."""
    is_news = or_(col(CarrierState.failures) > 0, col(CarrierState.trouble) != "")
    session.exec(
        update(CarrierState)
        .where(is_news if shut_until is None else col(CarrierState.id) == THE_ONLY_LINE)
        .values(failures=0, trouble="", shut_until=shut_until)
        .execution_options(synchronize_session=False)
    )


def _rests(line: CarrierState, now: datetime) -> bool:
    return line.shut_until is not None and now < line.shut_until <= now + LONGEST_REST


def _line(session: Session, *, lock: bool) -> CarrierState:
    statement = select(CarrierState).where(CarrierState.id == THE_ONLY_LINE)
    if lock:
        statement = statement.with_for_update()
    return session.exec(statement.execution_options(populate_existing=True)).one()


def seconds_of(session: Session) -> float:
    """The database's own clock, in seconds: one for all workers, whatever theirs show."""
    if session.get_bind().dialect.name == "postgresql":
        statement = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8)"
    else:
        statement = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    return float(session.execute(sql(statement)).scalar_one())
