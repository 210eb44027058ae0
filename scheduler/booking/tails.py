"""The rest of a course: a week skipped, given by somebody else."""

from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler.audit import Actor
from scheduler.booking import courses, moves
from scheduler.booking.marks import Terms
from scheduler.booking.models import Course
from scheduler.booking.seating import Wanted
from scheduler.errors import Conflict, NotFound, Unfit


def skip_week(
    session: Session, actor: Actor, course: Course, *, start_on: date, terms: Terms, now: datetime
) -> None:
    """Nothing for seven days from a date: all sessions from then on are a week later.

    Conflict where there is no session in that week, so that nothing would be skipped.
    """
    last = start_on + timedelta(days=6)
    rest = [
        each
        for each in moves.rest_of(session, course, from_number=1, now=now)
        if date.fromisoformat(each.wall_time[:10]) >= start_on
    ]
    if not rest or date.fromisoformat(rest[0].wall_time[:10]) > last:
        raise Conflict("No session is in that week.")
    first = rest[0].number
    moves.shift(session, actor, course, rest, 7, terms=terms, now=now, field="start_on")
    courses.record(
        session,
        actor,
        "skipped a week",
        course,
        now,
        start_on=start_on.isoformat(),
        from_number=first,
        reason=terms.why,
    )


def change_practitioner(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    practitioner_id: int,
    terms: Terms,
    now: datetime,
) -> None:
    """Somebody else gives the rest, at the same times; SessionsTaken where they cannot."""
    rest = moves.rest_of(session, course, from_number=from_number, now=now)
    means = moves.means_of(session, course)
    if not means.gives(practitioner_id):
        raise NotFound("Nobody of this id gives this treatment.", field="practitioner_id")
    rest = [each for each in rest if each.practitioner_id != practitioner_id]
    if not rest:
        raise Unfit("This practitioner gives all of them already.", field="practitioner_id")
    wanted = [Wanted(each.number, each.starts_at, practitioner_id) for each in rest]
    part = moves.Part(course, means, rest, wanted, "from_number")
    moves.rearrange(session, actor, [part], terms=terms, now=now)
    courses.record(
        session,
        actor,
        "changed practitioner",
        course,
        now,
        from_number=from_number,
        practitioner_id=practitioner_id,
        reason=terms.why,
    )
