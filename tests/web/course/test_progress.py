"""Is it helping? The scores on the private page, and giving one there."""

import re

import pytest
from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment
from scheduler.clinic.models import Treatment
from scheduler.progress import scores
from scheduler.progress.models import Score
from scheduler.storage.database import Database
from scheduler.web.course.course_page import MovedAway
from scheduler.web.course.progress import ScoreNotDue
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, text_of

QUESTION = "How are you today?"


@pytest.fixture
def my(visitor: Visitor, database: Database) -> str:
    """The private page of a course that is reviewed after its fourth session."""
    with database.transaction() as session:
        session.get_one(Treatment, visitor.cast.back).review_after = [4]
    visitor.begin_at("done")
    return visitor.my()


def minute(visitor: Visitor, number: int) -> str:
    return visitor.session(number).rpartition("/")[2]


def give(visitor: Visitor, number: int, score: str) -> int:
    answer = visitor.post(f"{visitor.my()}/scores/{minute(visitor, number)}", {"score": score})
    return answer.status_code


def given(session: Session) -> list[tuple[int, int, bool]]:
    rows = session.exec(
        select(Appointment.number, Score.value, Score.review)
        .join(Score, col(Score.appointment_id) == Appointment.id)
        .order_by(col(Appointment.number))
    )
    return [(number, value, review) for number, value, review in rows]


def test_a_number_is_asked_for_from_the_day_after_a_session_on(
    visitor: Visitor, my: str, clock: FrozenClock
) -> None:
    clock.move(days=21, hours=11)  # the evening of the first session
    assert QUESTION not in text_of(visitor.get(my))
    assert give(visitor, 1, "6") == 409

    clock.move(hours=12)

    assert QUESTION in text_of(visitor.get(my))
    assert "We ask because of session 1 on Monday, February 22" in text_of(visitor.get(my))


@pytest.mark.both_databases
def test_a_number_is_given_once_and_can_be_corrected(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    clock.move(days=22)
    for score in ("6", "0"):
        assert give(visitor, 1, score) == 303

    page = visitor.get(f"{my}?said=scored")

    assert "Thank you, we have noted it." in text_of(page)
    assert QUESTION not in text_of(page)
    assert re.search(r'value="0" id="score" checked', visitor.get(f"{my}/scores").text)
    with database.transaction(write=False) as session:
        assert given(session) == [(1, 0, False)]


@pytest.mark.parametrize("typed", ["", "11", "-1", "7.5", "٣", "six"])
def test_what_is_no_number_of_the_scale_is_sent_back_with_a_sentence(
    visitor: Visitor, my: str, clock: FrozenClock, typed: str, database: Database
) -> None:
    clock.move(days=22)

    answer = visitor.post(f"{my}/scores/{minute(visitor, 1)}", {"score": typed})

    assert answer.status_code == 422
    assert "Please choose a number from 0 to 10." in text_of(answer)
    with database.transaction(write=False) as session:
        assert given(session) == []


def test_the_line_is_told_in_words_and_as_a_table(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    clock.move(days=22)
    assert "Before that it is too early to say." in text_of(visitor.get(my))
    for number, days, score in ((1, 0, "7"), (2, 3, "7"), (4, 7, "4")):
        clock.move(days=days)
        assert give(visitor, number, score) == 303

    text = text_of(visitor.get(my))

    assert "You said 7 after session 1 and 4 after session 4. That is less" in text
    assert "1 February 22 7 2 February 25 7 3 March 1 not given 4 review March 4 4" in text
    with database.transaction(write=False) as session:
        assert given(session) == [(1, 7, False), (2, 7, False), (4, 4, True)]


def test_the_review_is_marked_on_the_line(visitor: Visitor, my: str, clock: FrozenClock) -> None:
    clock.move(days=22)
    give(visitor, 1, "7")

    picture = re.search(r"(?s)<svg.*?</svg>", visitor.get(my).text)

    assert picture
    assert "review" in picture[0]
    assert "After session 4, on Thursday, March 4, we look together" in text_of(visitor.get(my))


def test_an_old_page_scores_no_other_session_than_the_one_it_showed(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    clock.move(days=25, hours=12)  # session 2 was yesterday

    answer = visitor.post(f"{my}/scores/{minute(visitor, 1)}", {"score": "5"})

    assert answer.status_code == 409
    assert ScoreNotDue().sentence in text_of(answer)
    assert str(MovedAway.sentence) in text_of(visitor.post(f"{my}/scores/1", {"score": "5"}))
    with database.transaction(write=False) as session:
        assert given(session) == []


def test_a_missed_session_is_not_asked_about(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    with database.transaction() as session:
        first = session.exec(select(Appointment).where(Appointment.number == 1)).one()
        first.state = "no_show"
    clock.move(days=22)

    assert QUESTION not in text_of(visitor.get(my))


def test_two_weeks_later_nothing_is_asked_any_more(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    clock.move(days=22)
    for number in range(2, 11):
        visitor.post(f"{visitor.session(number)}/cancellation")
    assert QUESTION in text_of(visitor.get(my))

    clock.move(days=13, hours=12)

    assert scores.SCORE_WITHIN.days == 14
    assert QUESTION not in text_of(visitor.get(my))


def test_the_leaflet_says_what_the_clinic_says_and_what_always_holds(
    visitor: Visitor, my: str
) -> None:
    for address in (f"{my}/advice", f"/treatments/{visitor.cast.back}/advice"):
        text = text_of(visitor.get(address))
        assert "Before Eat something. Eat something light about two hours before." in text
        assert "Afterwards Rise slowly. Rise slowly. First sit for a minute" in text
        assert "Call 911 at once if it is hard to breathe" in text


def test_the_leaflet_is_spanish_for_who_reads_spanish(visitor: Visitor, my: str) -> None:
    assert "Antes y después de una sesión" in text_of(visitor.get(f"{my}/advice?lang=es"))
