"""A practitioner falls ill: propose a place for each booked session, then move all at once."""

import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session, col, delete, select

from benchmarks import clinic
from benchmarks.clinic import FIRST, LAST, NOW, Place
from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import confirmation, proposals
from scheduler.booking.availability import search
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.slots import Slot
from scheduler.booking.courses import courses
from scheduler.booking.models import AbsenceProposal, Course, DiaryEntry
from scheduler.booking.stored_values import Placing
from scheduler.clinic.hours import moment
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.intervals import instant_of
from scheduler.patients import register
from scheduler.storage.database import stored_id

ROUNDS = 10
SESSIONS = 30
AWAY = timedelta(days=14)

FORTNIGHT = 120
"""Sessions in two weeks, twelve a day."""
ROUNDS_OF_ALL = 3
LEFT = 0.1
"""Share of the other practitioners' free time that stays free where places are scarce."""
WEEKS = 6
HALF = 12
"""A day of one practitioner."""


def main() -> int:
    """Print two rows for each database; return 1 if a session is left out."""
    with clinic.opened(history=0) as places:
        for place in places:
            with place.database.transaction() as session:
                book(session, place)
            if not is_complete(place, SESSIONS, ROUNDS):
                return 1
            with place.database.transaction() as session:
                crowd(session, place)
            if not is_complete(place, FORTNIGHT, ROUNDS_OF_ALL):
                return 1
    return 0


def is_complete(place: Place, sessions: int, rounds: int) -> bool:
    """Measure and print; return False if the number of sessions is wrong."""
    proposing, computing, moving, also = [], [], [], ""
    for _ in range(rounds):
        proposed, computed, moved, placings = measured(place)
        inside = [placing for placing in placings if placing.inside]
        if len(inside) != sessions:
            print(f"{place.name}: {len(inside)} sessions, not {sessions}", file=sys.stderr)
            return False
        proposing.append(proposed)
        computing.append(computed)
        moving.append(moved)
        nowhere = sum(placing.to is None for placing in inside)
        also = f"{len(placings) - sessions} after them, {nowhere} without a place"
    print(
        f"{place.name:<10} {sessions:>3} sessions   proposed in"
        f" {statistics.median(proposing):7.1f} ms, {statistics.median(computing):7.1f} ms of it"
        " of this program's processor"
        f"   moved in {statistics.median(moving):7.1f} ms   ({also})",
        flush=True,
    )
    return True


def measured(place: Place) -> tuple[float, float, float, list[Placing]]:
    """Milliseconds to propose (wall clock and CPU) and to confirm, and the placings.

    Everything is rolled back.
    """
    with place.database.transaction() as session:
        began, busy = time.perf_counter(), time.process_time()
        proposal = propose(session)
        proposed, computed = time.perf_counter(), time.process_time() - busy
        placings = list(proposal.placings)
        confirmation.confirm(session, OPERATOR, proposal, cancel_unplaced=True, now=NOW)
        session.flush()
        moved = time.perf_counter()
        session.rollback()
    return 1000 * (proposed - began), 1000 * computed, 1000 * (moved - proposed), placings


def propose(session: Session) -> AbsenceProposal:
    """Time off of the first practitioner for the first two weeks."""
    start = instant_of(moment(FIRST, 0, clinic.ZONE))
    return proposals.propose(
        session,
        OPERATOR,
        proposals.of_time_off(
            practitioner(session), starts_at=start, ends_at=start + AWAY, reason="ill", now=NOW
        ),
    )


def book(session: Session, place: Place) -> None:
    """Book two sessions for each of half as many patients, in the practitioner's free times."""
    clear(session)
    treatment = session.get_one(Treatment, place.treatment_id)
    free = search.free_slots(
        session,
        search.find_resources(session, treatment),
        first=FIRST,
        last=FIRST + AWAY - timedelta(days=3),
        now=NOW,
        practitioner_id=stored_id(practitioner(session).id),
    )
    chosen = apart(free)
    for number in range(SESSIONS // 2):
        two = (chosen[number], chosen[number + SESSIONS // 2])
        enter(session, treatment, number, [instant_of(slot.starts_at) for slot in two])


def crowd(session: Session, place: Place) -> None:
    """Book courses of six weeks in all times of the practitioner; few are free elsewhere."""
    for course in session.exec(select(Course)):
        courses.cancel(session, OPERATOR, course, now=NOW)
    clear(session)
    fill(session)
    treatment = session.get_one(Treatment, place.treatment_id)
    once = [Phase(sessions=WEEKS, per_week=1)]
    number = SESSIONS
    for weekdays, agreed in (((0, 3), None), ((1, 4), None), ((2,), once)):
        for which in range(HALF):
            number += 1
            days = [
                FIRST + timedelta(weeks=week, days=weekday)
                for week in range(WEEKS)
                for weekday in weekdays
            ]
            starts = [at(day, which) for day in days]
            enter(session, treatment, number, starts, agreed)


def clear(session: Session) -> None:
    """Holds fill the clinic and would block the bookings."""
    session.exec(
        delete(DiaryEntry).where(col(DiaryEntry.calendar_id) == practitioner(session).calendar_id)
    )


def fill(session: Session) -> None:
    """Leave only a tenth of the other practitioners' time free, and free the first bed."""
    chance = random.Random(8)
    people = session.exec(select(Practitioner).order_by(col(Practitioner.id))).all()
    beds = session.exec(select(Room).order_by(col(Room.id))).all()
    session.exec(delete(DiaryEntry).where(col(DiaryEntry.calendar_id) == beds[0].calendar_id))
    owner = session.exec(
        select(DiaryEntry.hold_id).where(col(DiaryEntry.hold_id).is_not(None)).limit(1)
    ).one()
    rows = []
    for person, bed in zip(people[1:], beds[1:], strict=True):
        taken = set(
            session.exec(
                select(DiaryEntry.from_minute).where(DiaryEntry.calendar_id == person.calendar_id)
            )
        )
        rows += [
            {
                "calendar_id": calendar_id,
                "from_minute": start,
                "to_minute": start + clinic.SESSION,
                "hold_id": owner,
            }
            for start in starts_of_all()
            if start not in taken and chance.random() >= LEFT
            for calendar_id in (person.calendar_id, bed.calendar_id)
        ]
    session.execute(insert(clinic.DIARY), rows)


def starts_of_all() -> Iterator[int]:
    """The start minutes of all sessions of one practitioner."""
    for ahead in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=ahead)
        if day.weekday() < 5:
            yield from (
                moment(day, start, clinic.ZONE) for start in range(9 * 60, 17 * 60, clinic.SESSION)
            )


def at(day: date, which: int) -> datetime:
    """The start of a day's n-th session, counted from 0."""
    return instant_of(moment(day, 9 * 60 + which * clinic.SESSION, clinic.ZONE))


def enter(
    session: Session,
    treatment: Treatment,
    number: int,
    starts: Sequence[datetime],
    agreed: Sequence[Phase] | None = None,
) -> None:
    """A patient, and a course with the first practitioner."""
    patient = register.enroll(
        session,
        OPERATOR,
        clinic=session.get_one(Clinic, treatment.clinic_id),
        name="Somebody",
        phone=f"+1202555{1000 + number}",
        language="en",
        now=NOW,
    )
    practitioner_id = stored_id(practitioner(session).id)
    courses.book(
        session,
        OPERATOR,
        treatment=treatment,
        patient=patient,
        wanted=[
            RequestedTime(number, start, practitioner_id)
            for number, start in enumerate(starts, start=1)
        ],
        agreed=agreed,
        now=NOW,
    )


def apart(free: Sequence[Slot]) -> list[Slot]:
    """Thirty of these times without overlaps, spread over the days."""
    alone: list[Slot] = []
    for slot in free:
        if not alone or slot.starts_at >= alone[-1].starts_at + clinic.SESSION:
            alone.append(slot)
    return [alone[number * len(alone) // SESSIONS] for number in range(SESSIONS)]


def practitioner(session: Session) -> Practitioner:
    """The first of the ten practitioners."""
    return session.exec(select(Practitioner).order_by(col(Practitioner.id)).limit(1)).one()


if __name__ == "__main__":
    sys.exit(main())
