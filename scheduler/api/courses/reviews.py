"""Is it helping? Reviews that wait for an answer, and the numbers that patients say."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col, select

from scheduler.api.courses import shapes
from scheduler.api.http import zones
from scheduler.api.http.auth import Looking, Writing, needs
from scheduler.api.http.fields import PathId, QueryId, Shape, local
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import appointments
from scheduler.booking.models import Appointment
from scheduler.progress import reviews, scores
from scheduler.progress.models import Score
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(tags=["courses"])


class ScoreShape(Shape):
    """What was said about one session: 0 no complaint, 10 the worst imaginable."""

    number: int = Field(description="Which session of the course.")
    value: int
    review: bool = Field(description="In answer to the question whether it helps.")
    at: str


class ReviewShape(Shape):
    """A review that has fallen due and that nobody has answered."""

    clinic_id: int
    course_id: int
    patient_id: int
    appointment_id: int
    number: int = Field(description="After which session it fell due.")
    due_at: str = Field(description="When that session ended.")
    scores: list[ScoreShape] = Field(description="What was said so far, in that order.")


class NewScore(Shape):
    """The number that a patient said."""

    value: int = Field(strict=True, ge=0, le=10)


@router.get("/reviews")
@needs(Permission.CLEAR)
def list_reviews(call: Looking, paging: Paging, clinic_id: QueryId = None) -> Page[ReviewShape]:
    """Courses of which it is to be asked if they help, and was not answered: the last 60 days.

    A number for that session or a later one answers it, be it texted, given on the private page or
    entered here. That you looked is kept.
    """
    if clinic_id is not None:
        call.actor.require(clinic_id)
    after = paging.after()
    waiting = [
        each
        for each in reviews.open_ones(call.session, call.actor, now=call.now, clinic_id=clinic_id)
        if after is None or each.course_id > after[-1]
    ][: paging.limit + 1]
    shown = [each.course_id for each in waiting[: paging.limit]]
    said = scores.of_courses(call.session, shown)
    numbers = {
        stored_id(row.id): row.number
        for row in call.session.exec(
            select(Appointment).where(col(Appointment.course_id).in_(shown))
        )
    }
    for course_id in shown:
        shapes.looked_at(call, course_id)
    places = zones.of_all(call.session, {each.clinic_id for each in waiting})

    def shape(each: reviews.OpenReview) -> ReviewShape:
        zone = places[each.clinic_id]
        return ReviewShape(
            clinic_id=each.clinic_id,
            course_id=each.course_id,
            patient_id=each.patient_id,
            appointment_id=each.appointment_id,
            number=each.number,
            due_at=local(each.due_at, zone),
            scores=[
                ScoreShape(
                    number=numbers[score.appointment_id],
                    value=score.value,
                    review=score.review,
                    at=local(score.at, zone),
                )
                for score in said[each.course_id]
            ],
        )

    return paging.page(waiting, shape, lambda each: [each.course_id])


@router.post("/appointments/{appointment_id}/score", response_model=ScoreShape)
@needs(Permission.ATTEND)
def enter_score(call: Writing, appointment_id: PathId, body: NewScore) -> JSONResponse:
    """Enter how a patient says they are, about a session that has been; again: it is corrected."""
    appointment = appointments.find(call.session, call.actor, appointment_id)
    score: Score = scores.enter(
        call.session, call.actor, appointment, value=body.value, now=call.now
    )
    zone = zones.of(call.session, appointment.clinic_id)
    return call.answer(
        ScoreShape(
            number=appointment.number,
            value=score.value,
            review=score.review,
            at=local(score.at, zone),
        )
    )
