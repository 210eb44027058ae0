"""The scores of a course on its private page: shown, and given after each session.

A text asks for a score after some sessions only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.models import Appointment
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Conflict
from scheduler.progress import reviews, scores
from scheduler.storage.database import stored_id
from scheduler.web.course import charts
from scheduler.web.course.charts import Chart
from scheduler.web.course.course_page import CoursePage, SessionPage
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter()


class ScoreNotDue(Conflict):
    sentence = (
        "Another session has taken place since, or the day is past. Please look at the page again."
    )


@dataclass(frozen=True)
class ScoreRow:
    """A session in the table below the chart; `score` is empty if none was given."""

    number: int
    day: str
    score: str
    review: bool


@dataclass(frozen=True)
class ScoreQuestion:
    """The session that needs a score, and the score that was given already."""

    session: SessionView
    given: str


@dataclass(frozen=True)
class Progress:
    """The scores as a page shows them. No chart before the first score."""

    gist: list[str]
    chart: Chart | None
    rows: list[ScoreRow]
    asking: ScoreQuestion | None


@router.get("/my/{token}/scores")
def show(token: str, visit: Reading) -> HTMLResponse:
    """The scores, and the question where one is due."""
    return _page(CoursePage.open(visit, token))


@router.post("/my/{token}/scores/{minute}")
def give(token: str, minute: str, visit: Writing, form: Typed) -> Response:
    """Record the score for the session that began in that minute."""
    page = SessionPage.open_at(visit, token, minute)
    appointment = page.appointment
    due = _due(page)
    if due is None or due.id != appointment.id:
        raise ScoreNotDue
    typed = form.one("score")
    if typed not in {str(number) for number in range(11)}:
        mistakes = {"score": _("Please choose a number from 0 to 10.")}
        return _page(page, mistakes=mistakes)
    scores.record(visit.session, page.actor, appointment, value=int(typed), now=visit.now)
    return page.go("?said=scored#progress")


def of(page: CoursePage) -> Progress:
    """The scores of a course in words, as a chart and as a table."""
    given = scores.of_course(page.session, stored_id(page.course.id))
    attended = [
        appointment
        for appointment in page.appointments
        if appointment.state not in reviews.NOT_ATTENDED
    ]
    due = reviews.due_after(
        [appointment.number for appointment in attended], page.treatment.review_after
    )
    values = {
        appointment.number: given[stored_id(appointment.id)].value
        for appointment in attended
        if appointment.id in given
    }
    past = [appointment for appointment in attended if appointment.ends_at <= page.now]
    reviewed = [
        page.shown(appointment)
        for appointment in attended
        if appointment.number in due and appointment not in past
    ]
    return Progress(
        gist=_gist(values, reviewed),
        chart=charts.chart(values, sessions=len(page.appointments), reviews=due)
        if values
        else None,
        rows=[_row(page, appointment, values, due) for appointment in past],
        asking=_asking(page, values),
    )


def _row(
    page: CoursePage, appointment: Appointment, values: Mapping[int, int], due: Collection[int]
) -> ScoreRow:
    number = appointment.number
    return ScoreRow(
        number=number,
        day=page.locale.dates.on(
            appointment.starts_at.astimezone(page.locale.zone).date(), today=page.locale.today
        ),
        score=str(values.get(number, "")),
        review=number in due,
    )


def _asking(page: CoursePage, values: Mapping[int, int]) -> ScoreQuestion | None:
    due = _due(page)
    if due is None:
        return None
    return ScoreQuestion(page.shown(due), str(values.get(due.number, "")))


def _due(page: CoursePage) -> Appointment | None:
    if page.needs_clearance:
        return None
    return scores.due(page.appointments, zone=page.locale.zone, now=page.now)


def _gist(values: Mapping[int, int], reviews_to_come: Sequence[SessionView]) -> list[str]:
    """The chart in words for people who cannot see it, and the session of the next review."""
    sentences = [_trend(values)] if values else []
    if reviews_to_come:
        review = reviews_to_come[0]
        sentence = (
            _(
                "After session %(number)s, on %(day)s, we look together whether it helps. Before"
                " that it is too early to say."
            )
            if len(values) < 2
            else _("After session %(number)s, on %(day)s, we look together whether it helps.")
        )
        sentences.append(sentence % {"number": review.number, "day": review.day})
    return sentences


def _trend(values: Mapping[int, int]) -> str:
    first, last = min(values), max(values)
    scores_given = {
        "first": values[first],
        "last": values[last],
        "first_session": first,
        "last_session": last,
    }
    if first == last:
        return _("After session %(last_session)s you said %(last)s of 10.") % scores_given
    if values[last] < values[first]:
        return (
            _(
                "You said %(first)s after session %(first_session)s and %(last)s after session"
                " %(last_session)s. That is less: you have fewer complaints."
            )
            % scores_given
        )
    if values[last] > values[first]:
        return (
            _(
                "You said %(first)s after session %(first_session)s and %(last)s after session"
                " %(last_session)s. That is more: please speak with your practitioner about it."
            )
            % scores_given
        )
    return (
        _(
            "You said %(first)s after session %(first_session)s, and the same after session"
            " %(last_session)s."
        )
        % scores_given
    )


def _page(page: CoursePage, *, mistakes: dict[str, str] | None = None) -> HTMLResponse:
    return page.show("scores.html", mistakes=mistakes, progress=of(page))
