"""The history of a course in sentences."""

from fastapi import APIRouter
from pydantic import Field

from scheduler.api.courses import shapes
from scheduler.api.http import zones
from scheduler.api.http.auth import Looking, needs
from scheduler.api.http.fields import LocalTime, PathId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import history
from scheduler.phrases import history as phrases
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/courses", tags=["courses"])


class HistoryEntry(Shape):
    """One change of a course."""

    at: LocalTime
    who: str = Field(examples=["Ana", "the patient"])
    what: str = Field(
        examples=["Session 3 was moved from Mon 11 Jan 9:00 to Tue 12 Jan 9:00."],
    )
    why: str = Field(examples=["The patient travels."])


@router.get("/{course_id}/history")
@needs(Permission.SEE_CALENDAR)
def show_history(call: Looking, course_id: PathId, paging: Paging) -> Page[HistoryEntry]:
    """The changes of a course, with actor, time and reason. Reading them is recorded."""
    course = shapes.looked_at(call, course_id)
    zone = zones.of(call.session, course.clinic_id)
    after = paging.after()
    entries = history.of(call.session, course, after=after[-1] if after else 0, limit=paging.limit)
    return paging.page(
        entries,
        lambda entry: HistoryEntry.of(
            entry,
            zone,
            who=phrases.actor(entry),
            what=phrases.sentence(entry.fact),
            why=entry.reason,
        ),
        lambda entry: [entry.id],
    )
