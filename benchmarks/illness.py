"""A practitioner falls ill over thirty booked sessions: proposed a place for each, and moved."""

import statistics
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from benchmarks import clinic
from benchmarks.clinic import FIRST, NOW, Place
from scheduler.audit import OPERATOR
from scheduler.booking import absence_confirmations, absence_proposals, courses, search
from scheduler.booking.models import AbsenceProposal, DiaryEntry
from scheduler.booking.seating import Wanted
from scheduler.booking.slots import Slot
from scheduler.clinic.hours import moment
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.database import known
from scheduler.intervals import instant_of
from scheduler.patients import register

ROUNDS = 10
SESSIONS = 30
AWAY = timedelta(days=14)


def main() -> int:
    """Print a row for each database; 1 where not all thirty are dealt with."""
    with clinic.opened(history=0) as places:
        for place in places:
            with place.database.transaction() as session:
                book(session, place)
            proposing, moving = [], []
            for _ in range(ROUNDS):
                proposed, moved, count = measured(place)
                if count != SESSIONS:
                    print(f"{place.name}: {count} sessions instead of {SESSIONS}", file=sys.stderr)
                    return 1
                proposing.append(proposed)
                moving.append(moved)
            print(
                f"{place.name:<10} {SESSIONS} sessions   proposed in"
                f" {statistics.median(proposing):6.1f} ms"
                f"   moved in {statistics.median(moving):6.1f} ms"
            )
    return 0


def measured(place: Place) -> tuple[float, float, int]:
    """Milliseconds to propose and to confirm, and how many sessions; nothing of it is kept."""
    with place.database.transaction() as session:
        began = time.perf_counter()
        proposal = propose(session)
        proposed = time.perf_counter()
        absence_confirmations.confirm(session, OPERATOR, proposal, cancel_unplaced=True, now=NOW)
        session.flush()
        moved = time.perf_counter()
        count = len(proposal.placings)
        session.rollback()
    return 1000 * (proposed - began), 1000 * (moved - proposed), count


def propose(session: Session) -> AbsenceProposal:
    """The first practitioner is away for the first two weeks."""
    start = instant_of(moment(FIRST, 0, clinic.ZONE))
    return absence_proposals.propose(
        session,
        OPERATOR,
        absence_proposals.of_time_off(
            practitioner(session), starts_at=start, ends_at=start + AWAY, reason="ill", now=NOW
        ),
    )


def book(session: Session, place: Place) -> None:
    """Half as many patients with two sessions each, in the practitioner's free times."""
    # What fills the clinic are holds, which nobody takes time off over.
    session.exec(
        delete(DiaryEntry).where(col(DiaryEntry.calendar_id) == practitioner(session).calendar_id)
    )
    treatment = session.get_one(Treatment, place.treatment_id)
    means = search.resources(session, treatment)
    free = search.free_slots(
        session,
        means,
        first=FIRST,
        last=FIRST + AWAY - timedelta(days=3),
        now=NOW,
        practitioner_id=known(practitioner(session).id),
    )
    chosen = apart(free)
    here = session.get_one(Clinic, treatment.clinic_id)
    for number in range(SESSIONS // 2):
        patient = register.enrol(
            session,
            OPERATOR,
            clinic=here,
            name="Somebody",
            phone=f"+1202555{1000 + number}",
            language="en",
            now=NOW,
        )
        courses.book(
            session,
            OPERATOR,
            treatment=treatment,
            patient=patient,
            wanted=[
                Wanted(which, instant_of(slot.starts_at), slot.practitioner_id)
                for which, slot in enumerate(
                    (chosen[number], chosen[number + SESSIONS // 2]), start=1
                )
            ],
            now=NOW,
        )


def apart(free: Sequence[Slot]) -> list[Slot]:
    """Thirty of these times that do not overlap, spread over the days."""
    alone: list[Slot] = []
    for slot in free:
        if not alone or slot.starts_at >= alone[-1].starts_at + clinic.SESSION:
            alone.append(slot)
    return [alone[number * len(alone) // SESSIONS] for number in range(SESSIONS)]


def practitioner(session: Session) -> Practitioner:
    """The first of the ten."""
    return session.exec(select(Practitioner).order_by(col(Practitioner.id)).limit(1)).one()


if __name__ == "__main__":
    sys.exit(main())
