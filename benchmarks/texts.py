"""Many texts due at one moment, and a carrier that takes five seconds for each."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlmodel import Session, col, delete, func, select

from benchmarks import clinic
from benchmarks.clinic import FIRST, LAST, NOW, Place
from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.availability import search
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import courses
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.infra.clock import FastClock
from scheduler.infra.intervals import Minute, instant_of
from scheduler.patients import consent, register
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.sms.sender import Accepted, Found
from scheduler.storage.database import Database, stored_id
from scheduler.worker import Worker

TEXTS = int(os.environ.get("TEXTS", "40"))
"""The number of texts due; `make bench TEXTS=1000` makes it a thousand."""
SECONDS = 5.0
AT_ONCE = (4, 20)
"""Simultaneous calls of a worker: the default, and a higher setting."""


def main() -> int:
    """Print a row for each database and setting; return 1 unless each text was sent once."""
    with clinic.opened(history=0) as places, ThreadPoolExecutor(len(places)) as pool:
        for place in places:
            book(place)
        for at_once in AT_ONCE:
            for place in places:
                hands(place.database, Slow()).sweep()
            # Both mostly wait, so they can run at the same time.
            if not all(pool.map(partial(measured, at_once=at_once), places)):
                return 1
    return 0


def measured(place: Place, at_once: int) -> bool:
    """Send all texts and print the row. Whether each phone got its own text once."""
    database = Watched(place.database.url.render_as_string(hide_password=False))
    carrier = Slow(database)
    worker = hands(database, carrier, at_once)
    began = time.perf_counter()
    worker.send()
    spent = time.perf_counter() - began
    worker.stop()
    with database.transaction() as session:
        sent = session.exec(
            select(func.count()).where(col(Message.state) == MessageState.SENT)
        ).one()
        # Restores the database for the next run.
        session.exec(delete(Attempt))
        session.exec(delete(Message))
    longest = database.longest
    database.close()
    print(
        f"{place.name:<10} {TEXTS:>4} texts of {SECONDS:.0f} s, {at_once:>2} at once"
        f"   {spent:7.1f} s, at best {-(-TEXTS // at_once) * SECONDS:6.1f} s"
        f"   longest transaction {1000 * longest:4.0f} ms",
        flush=True,
    )
    if sent == len(carrier.phones) == len(set(carrier.phones)) == TEXTS and not carrier.held:
        return True
    print(
        f"{place.name}: {sent} sent, {len(carrier.phones)} taken,"
        f" {carrier.held} with a transaction open",
        file=sys.stderr,
    )
    return False


def hands(database: Database, carrier: "Slow", at_once: int = 1) -> Worker:
    """The worker, at a fixed time."""
    return Worker(
        database,
        carrier,
        FastClock(NOW, 1.0),
        key="a secret of at least thirty-two characters",
        public_url="https://clinic.example",
        concurrency=at_once,
    )


class Watched(Database):
    """Tracks open transactions and the longest duration in seconds."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.longest = 0.0
        self.open_by: set[int] = set()

    @contextmanager
    def unit(self, *, write: bool) -> Iterator[Session]:
        """The transaction, timed."""
        began, thread = time.perf_counter(), threading.get_ident()
        self.open_by.add(thread)
        try:
            with super().unit(write=write) as session:
                yield session
        finally:
            self.open_by.discard(thread)
        self.longest = max(self.longest, time.perf_counter() - began)


@dataclass
class Slow:
    """A carrier that answers every call after a delay."""

    database: Watched | None = None
    held: int = 0
    """calls during which the caller had a transaction open"""
    phones: list[str] = field(default_factory=list)
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def send(self, *, to: str, **_: Any) -> Accepted:
        """Accept the text."""
        time.sleep(SECONDS)
        with self.one_at_a_time:
            if self.database is not None:
                self.held += threading.get_ident() in self.database.open_by
            self.phones.append(to)
            return Accepted(f"SM{len(self.phones):032x}")

    def find(self, **_: Any) -> Found | None:
        """Finds nothing; no outcome is unknown here."""
        raise NotImplementedError

    def fetch(self, _: str) -> Found | None:
        """Returns no delivery report."""
        raise NotImplementedError


def book(place: Place) -> None:
    """Add this number of patients with one session each, so that each is owed a confirmation."""
    with place.database.transaction() as session:
        treatment = session.get_one(Treatment, place.treatment_id)
        clinic = session.get_one(Clinic, treatment.clinic_id)
        for number, (practitioner_id, start) in enumerate(times(session, treatment)):
            patient = register.enroll(
                session,
                OPERATOR,
                clinic=clinic,
                name="Somebody",
                phone=f"+1202555{1000 + number}",
                language="en",
                now=NOW,
            )
            consent.give(session, OPERATOR, patient, wording="Yes", channel="staff", now=NOW)
            courses.book(
                session,
                OPERATOR,
                treatment=treatment,
                patient=patient,
                wanted=[RequestedTime(1, instant_of(start), practitioner_id)],
                now=NOW,
            )


def times(session: Session, treatment: Treatment) -> list[tuple[int, Minute]]:
    """As many free times as texts, without overlaps."""
    resources = search.find_resources(session, treatment)
    found: list[tuple[int, Minute]] = []
    for practitioner in session.exec(select(Practitioner).order_by(col(Practitioner.id))):
        free = search.free_slots(
            session,
            resources,
            first=FIRST,
            last=LAST,
            now=NOW - timedelta(days=1),
            practitioner_id=stored_id(practitioner.id),
        )
        over = 0
        for slot in free:
            if slot.starts_at >= over:
                found.append((slot.practitioner_id, slot.starts_at))
                over = slot.starts_at + clinic.SESSION
    if len(found) < TEXTS:
        raise SystemExit(f"There is room for {len(found)} texts at most.")
    return found[:TEXTS]


if __name__ == "__main__":
    sys.exit(main())
