"""A small clinic in New York, the people who come to it, and a carrier made of paper."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import courses
from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Clinic, Treatment
from scheduler.infra.errors import Problem
from scheduler.patients import consent, register
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import timeline
from scheduler.reminders.kinds.timeline import TimelineEntry
from scheduler.reminders.models import Message
from scheduler.reminders.sending.attempts import Secrets
from scheduler.sms.sender import Accepted, Found, is_same_text
from scheduler.storage.database import Database, stored_id
from scheduler.worker import Worker
from tests.builders import rows
from tests.builders.beginnings import begin
from tests.builders.clock import FrozenClock

T = TypeVar("T")

KEY = "a secret of at least thirty-two characters"
NEW_YORK = ZoneInfo("America/New_York")
SECRETS = Secrets(KEY, "https://willow.example")
ANN = "+12125550123"
BEN = "+12125550124"


def at(day: int, hour: int = 10, minute: int = 0, *, month: int = 1) -> datetime:
    """An instant in 2027 by the clinic's clock; the 4th of January is a Monday."""
    return datetime(2027, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


MONDAY = at(4)


@dataclass
class Paper:
    """A carrier that stores what it gets and fails as instructed: one problem for each call."""

    clock: FrozenClock
    texts: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0
    valid: list[int] = field(default_factory=list)
    """how many seconds each may be kept, of those that were taken"""
    problems: list[Problem | None] = field(default_factory=list)
    takes_all_the_same: bool = False
    receipts: dict[str, str | None] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    called: Event = field(default_factory=Event)
    one_at_a_time: Lock = field(default_factory=Lock)

    def send(
        self,
        *,
        to: str,
        text: str,
        receipt_url: str | None,
        valid_seconds: int,
        deadline: float | None = None,
    ) -> Accepted:
        assert valid_seconds >= 1
        assert deadline is not None
        with self.one_at_a_time:
            self.calls += 1
            problem = self.problems.pop(0) if self.problems else None
            if problem is None or self.takes_all_the_same:
                self.texts.append((to, text))
                self.valid.append(valid_seconds)
                self.receipts[self.sid] = receipt_url
            self.called.set()
            if problem is not None:
                raise problem
            return Accepted(self.sid)

    @property
    def sid(self) -> str:
        return f"SM{len(self.texts):032x}"

    def all_sent(self, *before: Any) -> tuple[Any, ...]:
        """The texts sent so far; texts sent elsewhere can be added."""
        if before:
            self.texts, self.calls, self.valid, self.receipts = before
        return self.texts, self.calls, self.valid, self.receipts

    def find(
        self,
        *,
        to: str,
        text: str,
        since: datetime,
        known: Collection[str] = (),
        varying: str = "",
    ) -> Found | None:
        assert since.tzinfo
        for number, sent in enumerate(self.texts, start=1):
            sid = f"SM{number:032x}"
            same = sent[0] == to and is_same_text(sent[1], text, varying=varying)
            if same and sid not in known:
                return Found(sid, "sent")
        return None

    def fetch(self, sid: str) -> Found | None:
        return Found(sid, self.statuses.get(sid, "sent"))


@dataclass
class World:
    """The clinic with its worker, ticked by hand."""

    database: Database
    clock: FrozenClock
    carrier: Paper
    worker: Worker
    clinic_id: int
    treatment_id: int

    def begin(self, play: Callable[..., T], *given: object) -> T:
        """The result of `play` on this world, from a copy if it was played before.

        The worker is then like one that has just looked for changes.
        """

        def played() -> tuple[T, datetime, tuple[Any, ...]]:
            told = play(self, *given)
            return told, self.clock.at, self.carrier.all_sent()

        key = (play.__module__, play.__qualname__, given, self.clock.at)
        told, self.clock.at, sent = begin(self.database, key, played)
        self.carrier.all_sent(*sent)
        self.worker.derive()  # so that its next look finds what changes from now on
        return told

    def colleague(self, sender: Any = None, **manners: Any) -> Worker:
        """Another worker of the same clinic; `manners`: how it sends, else as by default."""
        return Worker(
            self.database,
            sender or self.carrier,
            self.clock,
            key=SECRETS.key,
            public_url=SECRETS.public_url,
            **manners,
        )

    def tick(self, now: datetime | None = None) -> list[tuple[str, str]]:
        """Read replies, derive what changed and send what is due; every text sent so far.

        `work` runs every chore of the worker, which takes several times as long.
        """
        self.clock.at = now or self.clock.at
        self.worker.read()
        self.worker.derive()
        self.worker.send()
        return self.carrier.texts

    def work(self, now: datetime | None = None) -> list[tuple[str, str]]:
        """Run every chore of the worker at an instant; every text sent so far."""
        self.clock.at = now or self.clock.at
        self.worker.tick()
        return self.carrier.texts

    def enrol(self, name: str = "Ann Archer", phone: str = ANN, *, agrees: bool = True) -> int:
        with self.database.transaction() as session:
            patient = register.enroll(
                session,
                OPERATOR,
                clinic=session.get_one(Clinic, self.clinic_id),
                name=name,
                phone=phone,
                language="en",
                now=self.clock.at,
            )
            if agrees:
                consent.give(
                    session, OPERATOR, patient, wording="Yes", channel="staff", now=self.clock.at
                )
            return stored_id(patient.id)

    def book(self, patient_id: int, *starts: datetime) -> int:
        """A course at these times; its id."""
        with self.database.transaction() as session:
            course = courses.book(
                session,
                OPERATOR,
                treatment=session.get_one(Treatment, self.treatment_id),
                patient=session.get_one(Patient, patient_id),
                wanted=[
                    RequestedTime(number, start) for number, start in enumerate(starts, start=1)
                ],
                now=self.clock.at,
            )
            return stored_id(course.id)

    def timeline(self, course_id: int) -> list[TimelineEntry]:
        with self.database.transaction(write=False) as session:
            course = session.get_one(Course, course_id)
            return timeline.timeline(session, course, now=self.clock.at)

    def messages(self, **conditions: object) -> Sequence[Message]:
        with self.database.transaction(write=False) as session:
            return session.exec(
                select(Message).filter_by(**conditions).order_by(col(Message.due_at))
            ).all()


def appointment(session: Session, course_id: int, number: int) -> Appointment:
    return session.exec(
        select(Appointment).where(Appointment.course_id == course_id, Appointment.number == number)
    ).one()


def patient_actor(clinic_id: int) -> Actor:
    return Actor(kind="patient", clinic_ids=frozenset({clinic_id}))


def found(database: Database) -> World:
    """Open the clinic."""
    with database.transaction() as session:
        clinic = open_clinic(session, "Willow")
        clinic_id, treatment_id = stored_id(clinic.id), offer(session, clinic)
    clock = FrozenClock(MONDAY)
    carrier = Paper(clock)
    worker = Worker(database, carrier, clock, key=KEY, public_url=SECRETS.public_url, concurrency=2)
    return World(database, clock, carrier, worker, clinic_id, treatment_id)


def open_clinic(session: Session, name: str) -> Clinic:
    """A clinic without anything to book."""
    return rows.clinic(session, name, phone="+12125550100", changed_at=MONDAY)


def offer(session: Session, clinic: Clinic) -> int:
    """The id of a treatment with three practitioners and rooms, from 8 to 20 on all days."""
    practitioners = [
        rows.practitioner(
            session, clinic, f"Ines {number}", weekdays=range(7), hours=("08:00", "20:00")
        )
        for number in range(1, 4)
    ]
    rooms = [rows.bed(session, clinic, f"Room {number}") for number in range(1, 4)]
    offered = rows.treatment(
        session,
        clinic,
        practitioners,
        rooms,
        name="Ten sessions",
        hands_on=[{"from_minute": 0, "to_minute": 40}],
        phases=[{"sessions": 3, "per_week": 2}],
        turnover_minutes=0,
        tips={},
    )
    return stored_id(offered.id)
