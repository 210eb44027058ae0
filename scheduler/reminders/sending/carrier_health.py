"""The rate limit and the circuit breaker toward the carrier, shared by all workers.

Both are one row in the database. So ten workers together send no faster than one, and a single
worker probes for all of them whether the carrier is back. The row is updated in the transaction
that claims messages: a worker that dies afterwards has at most used up the capacity of its claim.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text as sql
from sqlmodel import Session, col, or_, select, update

from scheduler.reminders.models import THE_ONLY_ROW, CarrierState
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
from scheduler.storage import stored_instants

Outcome = Accepted | Refused | TryLater | Unknown | LeaseLost

TRIPS_AFTER = 5
"""Consecutive calls without an answer after which sending pauses."""

BREAKER_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60))
"""Length of the pause before one message is tried. Each failed try leads to the next value."""

PROBE = timedelta(seconds=60)
"""How long the other workers wait for the outcome of that one message. This is a lease."""

REPAIR = timedelta(minutes=5)
"""Pause after the carrier has refused our account or settings."""

LONGEST_PAUSE = timedelta(minutes=5)
"""No pause is longer, whatever the carrier asks for."""

NO_ANSWER = "The carrier does not answer just now."


@dataclass(frozen=True)
class Capacity:
    """How many messages and segments may be claimed now.

    Messages are claimed while at least one segment is left; `segments` None means no limit.
    `wait`: seconds until the rate limit allows one more message.
    """

    texts: int
    segments: int | None = None
    wait: float | None = None


def capacity(session: Session, *, free: int, per_second: float | None, now: datetime) -> Capacity:
    """How many of `free` messages may be sent now. Locks the row until the transaction ends."""
    state = _state(session, lock=per_second is not None)
    if _is_paused(state, now):
        return Capacity(0)
    if state.failures >= TRIPS_AFTER:
        state = _state(session, lock=True)  # another worker may have started a probe
        if _is_paused(state, now):
            return Capacity(0)
        free = min(free, 1)
    if per_second is None:
        return Capacity(free)
    seconds = seconds_of(session)
    segments = rate_limit.room(state.filled_at, seconds, per_second)
    if segments < 1:
        return Capacity(0, wait=rate_limit.next_in(state.filled_at, seconds, per_second))
    return Capacity(min(free, segments), segments)


def consume(session: Session, segments: int, *, per_second: float | None, now: datetime) -> None:
    """Record the segments that were claimed, in the transaction that read the capacity."""
    if segments == 0:
        return
    state = _state(session, lock=per_second is not None)
    if state.failures >= TRIPS_AFTER:
        state.shut_until = now + PROBE
    if per_second is not None:
        state.filled_at = rate_limit.used(
            state.filled_at, seconds_of(session), per_second, segments
        )
    session.add(state)
    session.flush()


def record_outcome(session: Session, outcome: Outcome, *, now: datetime) -> None:
    """Record for all workers how a call ended."""
    match outcome:
        case LeaseLost():
            pass
        case Unreached() | Unknown():
            _record_failure(session, now, outcome.sentence)
        case RateLimited():
            pause = min(outcome.retry_after or timedelta(seconds=1), LONGEST_PAUSE)
            _record_answer(session, shut_until=now + pause)
        case Refused() if outcome.stops_all:
            stop(session, outcome.sentence, now=now)
        case _:
            _record_answer(session)


def stop(session: Session, trouble: str, *, now: datetime) -> None:
    """Pause sending because the carrier refuses our account; then one message is tried."""
    state = _state(session, lock=True)
    state.failures = max(TRIPS_AFTER, state.failures)
    state.shut_until, state.trouble = now + REPAIR, trouble[:300]
    session.add(state)
    session.flush()


def trouble(session: Session) -> str:
    """Why sending is paused, as a sentence for staff; empty when it is not."""
    state = _state(session, lock=False)
    return state.trouble if state.failures >= TRIPS_AFTER else ""


def _record_failure(session: Session, now: datetime, sentence: str) -> None:
    state = _state(session, lock=True)
    state.failures += 1
    if state.failures >= TRIPS_AFTER:
        pause = BREAKER_PAUSES[min(state.failures - TRIPS_AFTER, len(BREAKER_PAUSES) - 1)]
        state.shut_until, state.trouble = now + pause, sentence[:300] or NO_ANSWER
    session.add(state)
    session.flush()


def _record_answer(session: Session, shut_until: datetime | None = None) -> None:
    """Record that the carrier answers. Writes only on a change: it runs after each message."""
    changes = or_(col(CarrierState.failures) > 0, col(CarrierState.trouble) != "")
    session.exec(
        update(CarrierState)
        .where(changes if shut_until is None else col(CarrierState.id) == THE_ONLY_ROW)
        .values(failures=0, trouble="", shut_until=shut_until)
        .execution_options(synchronize_session=False)
    )


def _is_paused(state: CarrierState, now: datetime) -> bool:
    return state.shut_until is not None and stored_instants.is_ahead(
        state.shut_until, now=now, longest=LONGEST_PAUSE
    )


def _state(session: Session, *, lock: bool) -> CarrierState:
    statement = select(CarrierState).where(CarrierState.id == THE_ONLY_ROW)
    if lock:
        statement = statement.with_for_update()
    return session.exec(statement.execution_options(populate_existing=True)).one()


def seconds_of(session: Session) -> float:
    """The database's clock in seconds since 1970, the same for all workers."""
    if session.get_bind().dialect.name == "postgresql":
        statement = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8)"
    else:
        statement = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    return float(session.execute(sql(statement)).scalar_one())
