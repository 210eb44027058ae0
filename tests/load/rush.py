"""Many people at once want sessions that overlap: a clinic for them, and what came of it."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import httpx
from sqlalchemy import text

from scheduler.infra.clock import SystemClock
from scheduler.storage.database import Database
from tests.builders.cast import NEW_YORK, Cast, settle

ENTRIES = 4
"""The diary entries of one appointment of the cast's back course: a room, hands-on twice, a
patient."""


class Answer(NamedTuple):
    """A client's answer, and how long it took."""

    status: int
    seconds: float
    body: dict[str, Any]
    retry_after: str | None = None


@dataclass(frozen=True)
class Outcome:
    """The database's content after all clients have finished."""

    overlaps: int
    """Pairs of entries that share a calendar and a minute"""
    courses: int
    appointments: int
    entries: int


def settle_with_one_practitioner(database: Database) -> Cast:
    """The cast, with Ana alone for the treatment, so that times are scarce."""
    with database.transaction() as session:
        cast = settle(session)
        session.execute(
            text("DELETE FROM treatment_practitioners WHERE practitioner_id = :ben"),
            {"ben": cast.ben},
        )
        return cast


def monday() -> date:
    """The Monday in three weeks; the servers live by the real clock."""
    today = SystemClock().now().astimezone(NEW_YORK).date()
    return today + timedelta(days=21 - today.weekday())


def at(day: date, minute: int) -> datetime:
    """A minute of a day by the clocks of the cast's clinic."""
    return datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=NEW_YORK)


def course_of(cast: Cast, number: int, starts: Sequence[datetime]) -> dict[str, Any]:
    """A course for the nth client, who is new here."""
    letters = "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{number:04}")
    return {
        "treatment_id": cast.back,
        "patient": {
            "clinic_id": cast.clinic,
            "name": f"Client {letters}",
            "phone": f"+1202555{number:04}",
            "language": "en",
            "sms_consent": False,
        },
        "sessions": [{"starts_at": start.isoformat()} for start in starts],
    }


def book_at_once(
    addresses: Sequence[str], key: str, bodies: Sequence[dict[str, Any]], *, clients: int
) -> list[Answer]:
    """Book all of these with several concurrent clients; each client uses one server."""

    def turn(mine: int) -> list[Answer]:
        address = addresses[mine % len(addresses)]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            return [_book(client, body) for body in bodies[mine::clients]]

    with ThreadPoolExecutor(clients) as people:
        return [answer for answers in people.map(turn, range(clients)) for answer in answers]


def _book(client: httpx.Client, body: dict[str, Any]) -> Answer:
    began = time.perf_counter()
    answer = client.post("/api/v1/courses", json=body)
    spent = time.perf_counter() - began
    return Answer(answer.status_code, spent, answer.json(), answer.headers.get("Retry-After"))


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    """Counts the answers by kind."""
    return Counter(answer.status for answer in answers)


def outcome(database: Database) -> Outcome:
    """Look into the database, past the program."""
    queries = (
        "SELECT count(*) FROM diary AS one JOIN diary AS other"
        " ON one.calendar_id = other.calendar_id AND one.id < other.id"
        " AND one.from_minute < other.to_minute AND other.from_minute < one.to_minute",
        "SELECT count(*) FROM courses",
        "SELECT count(*) FROM appointments",
        "SELECT count(*) FROM diary",
    )
    with database.transaction(write=False) as session:
        return Outcome(*(session.execute(text(query)).scalar_one() for query in queries))


def whole(answers: Sequence[Answer], sessions: int) -> Outcome:
    """The expected content: a whole course for each confirmed client, and nothing else."""
    booked = statuses(answers)[201]
    return Outcome(
        overlaps=0,
        courses=booked,
        appointments=booked * sessions,
        entries=booked * sessions * ENTRIES,
    )
