"""Is it helping? The scores of a course on its private page, and giving one there.

A text asks for them on some days only; the page takes one after each session.
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
from scheduler.web.course import course_page as folders
from scheduler.web.course.charts import Chart
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site import rendering
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter()


class AskedAboutAnother(Conflict):
    sentence = (
        "Another session has taken place since, or the day is past. Please look at the page again."
    )


@dataclass(frozen=True)
class Row:
    """A session in the table behind the picture; `score` is empty where none was given."""

    number: int
    day: str
    score: str
    review: bool


@dataclass(frozen=True)
class Asking:
    """The session that is asked about, and what was said of it already."""

    session: SessionView
    given: str


@dataclass(frozen=True)
class Progress:
    """What a page shows of the scores. No picture before there is a score."""

    gist: list[str]
    chart: Chart | None
    rows: list[Row]
    asking: Asking | None


@router.get("/my/{token}/scores")
def show(token: str, visit: Reading) -> HTMLResponse:
    """The scores, and the question where one is due."""
    return _page(folders.find(visit, token), token)


@router.post("/my/{token}/scores/{minute}")
def give(token: str, minute: str, visit: Writing, form: Typed) -> Response:
    """How the patient is today, said after the session that began in that minute."""
    folder = folders.find(visit, token)
    appointment = folder.at(minute)
    due = _due(folder)
    if due is None or due.id != appointment.id:
        raise AskedAboutAnother
    typed = form.one("score")
    if typed not in {str(number) for number in range(11)}:
        mistakes = {"score": _("Please choose a number from 0 to 10.")}
        return _page(folder, token, mistakes=mistakes, status=422)
    scores.record(visit.session, folder.actor, appointment, value=int(typed), now=visit.now)
    return rendering.go(f"/my/{token}?said=scored#progress")


def of(folder: CoursePage) -> Progress:
    """The scores of a course in words and as a picture."""
    given = scores.of_course(folder.visit.session, stored_id(folder.course.id))
    attended = [
        appointment
        for appointment in folder.appointments
        if appointment.state not in reviews.NOT_ATTENDED
    ]
    due = reviews.due_after([each.number for each in attended], folder.treatment.review_after)
    values = {each.number: given[stored_id(each.id)].value for each in attended if each.id in given}
    over = [each for each in attended if each.ends_at <= folder.visit.now]
    to_come = [each for each in attended if each.number in due and each not in over]
    return Progress(
        gist=_gist(values, [folder.shown(each) for each in to_come]),
        chart=charts.chart(values, sessions=len(folder.appointments), reviews=due)
        if values
        else None,
        rows=[_row(folder, each, values, due) for each in over],
        asking=_asking(folder, values),
    )


def _row(
    folder: CoursePage, appointment: Appointment, values: Mapping[int, int], due: Collection[int]
) -> Row:
    number = appointment.number
    return Row(
        number=number,
        day=folder.place.manner.on(
            appointment.starts_at.astimezone(folder.place.zone).date(), today=folder.place.today
        ),
        score=str(values.get(number, "")),
        review=number in due,
    )


def _asking(folder: CoursePage, values: Mapping[int, int]) -> Asking | None:
    due = _due(folder)
    if due is None:
        return None
    return Asking(folder.shown(due), str(values.get(due.number, "")))


def _due(folder: CoursePage) -> Appointment | None:
    if folder.needs_clearance:
        return None
    return scores.due(folder.appointments, zone=folder.place.zone, now=folder.visit.now)


def _gist(values: Mapping[int, int], reviews_to_come: Sequence[SessionView]) -> list[str]:
    """What the picture shows, for those who do not see it, and when it is judged."""
    said = [_of_the_line(values)] if values else []
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
        said.append(sentence % {"number": review.number, "day": review.day})
    return said


def _of_the_line(values: Mapping[int, int]) -> str:
    first, last = min(values), max(values)
    told = {
        "first": values[first],
        "last": values[last],
        "first_session": first,
        "last_session": last,
    }
    if first == last:
        return _("After session %(last_session)s you said %(last)s of 10.") % told
    if values[last] < values[first]:
        return (
            _(
                "You said %(first)s after session %(first_session)s and %(last)s after session"
                " %(last_session)s. That is less: you have fewer complaints."
            )
            % told
        )
    if values[last] > values[first]:
        return (
            _(
                "You said %(first)s after session %(first_session)s and %(last)s after session"
                " %(last_session)s. That is more: please speak with your practitioner about it."
            )
            % told
        )
    return (
        _(
            "You said %(first)s after session %(first_session)s, and the same after session"
            " %(last_session)s."
        )
        % told
    )


def _page(
    folder: CoursePage, token: str, *, mistakes: dict[str, str] | None = None, status: int = 200
) -> HTMLResponse:
    return folders.page(
        folder,
        "scores.html",
        status=status,
        my=f"/my/{token}",
        progress=of(folder),
        mistakes=mistakes or {},
    )
