"""The booking form from the first page to the last."""

from scheduler.booking.models import Appointment, Course
from scheduler.database import Database
from sqlmodel import col, select
from tests.web.conftest import Visitor, text_of


def test_a_course_is_booked_in_five_steps(visitor: Visitor, database: Database) -> None:
    visitor.reach("done")

    page = visitor.get("done")
    assert page.status_code == 200
    print(text_of(page))
    with database.transaction(write=False) as session:
        assert len(session.exec(select(Course)).all()) == 1
        sessions = session.exec(select(Appointment).order_by(col(Appointment.number))).all()
        assert [each.wall_time[5:] for each in sessions] == []
