"""Reviews that wait for an answer, and the scores of patients."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col, select

from scheduler.api.courses import shapes
from scheduler.api.http import zones
from scheduler.api.http.auth import Call, Looking, Writing, needs
from scheduler.api.http.fields import LocalTime, PathId, QueryId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import appointments
from scheduler.booking.models import Appointment
from scheduler.progress import reviews, scores
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(tags=["courses"])


class ScoreShape(Shape):
    """The score after a session: 0 is no complaint, 10 the worst imaginable."""

    number: int = Field(description="The number of the session in its course.")
    value: int
    review: bool = Field(description="True: the answer to a review.")
    at: LocalTime


class ReviewShape(Shape):
    """A review that is due and not answered."""

    clinic_id: int
    course_id: int
    patient_id: int
    appointment_id: int
    number: int = Field(description="The number of the session after which it fell due.")
    due_at: LocalTime = Field(description="The end of that session.")
    scores: list[ScoreShape] = Field(description="All scores of the course so far, in order.")


class NewScore(Shape):
    """A score that a patient has given."""

    value: int = Field(strict=True, ge=0, le=10)


@router.get("/reviews")
@needs(Permission.CLEAR)
def list_reviews(call: Looking, paging: Paging, clinic_id: QueryId = None) -> Page[ReviewShape]:
    """The reviews of the last 60 days that are not answered.

    A score for that session or a later one answers a review, whether it comes by text, from the
    private page or from this API. The audit trail records that you read them.
    """
    if clinic_id is not None:
        call.actor.require(clinic_id)
    after = paging.after()
    waiting = [
        review
        for review in reviews.open_ones(call.session, call.actor, now=call.now, clinic_id=clinic_id)
        if after is None or review.course_id > after[-1]
    ][: paging.limit + 1]
    course_ids = [review.course_id for review in waiting[: paging.limit]]
    for course_id in course_ids:
        shapes.looked_at(call, course_id)
    found = scores.of_courses(call.session, course_ids)
    numbers = _numbers(call, course_ids)
    known_zones = zones.of_all(call.session, {review.clinic_id for review in waiting})

    def shape(review: reviews.OpenReview) -> ReviewShape:
        zone = known_zones[review.clinic_id]
        given = [
            ScoreShape.of(score, zone, number=numbers[score.appointment_id])
            for score in found[review.course_id]
        ]
        return ReviewShape.of(review, zone, scores=given)

    return paging.page(waiting, shape, lambda review: [review.course_id])


@router.post("/appointments/{appointment_id}/score", response_model=ScoreShape)
@needs(Permission.ATTEND)
def enter_score(call: Writing, appointment_id: PathId, body: NewScore) -> JSONResponse:
    """Add the score of a patient for a past session. A second one replaces the first."""
    appointment = appointments.find(call.session, call.actor, appointment_id)
    score = scores.enter(call.session, call.actor, appointment, value=body.value, now=call.now)
    zone = zones.of(call.session, appointment.clinic_id)
    return call.answer(ScoreShape.of(score, zone, number=appointment.number))


def _numbers(call: Call, course_ids: list[int]) -> dict[int, int]:
    """The numbers of the sessions of these courses, by id."""
    rows = call.session.exec(
        select(Appointment.id, Appointment.number).where(col(Appointment.course_id).in_(course_ids))
    )
    return {stored_id(appointment_id): number for appointment_id, number in rows}
