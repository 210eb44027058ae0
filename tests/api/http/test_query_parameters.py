"""Query parameters mean what they say: a repeated one is refused, or all its values count."""

import pytest

from tests.api.conftest import Desk
from tests.api.courses.test_changes import ids
from tests.api.courses.test_courses import book
from tests.builders.cast import Cast

DAYS = {"from": "2027-02-01", "to": "2027-03-31"}


def test_several_states_are_listed_together(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3, 7)
    confirmed, cancelled, _ = ids(course)
    desk.post(f"/appointments/{confirmed}/confirmation")
    desk.post(f"/appointments/{cancelled}/cancellation")

    found = desk.get("/appointments", state=["confirmed", "cancelled"], **DAYS)

    assert [item["id"] for item in found.json()["items"]] == [confirmed, cancelled]


@pytest.mark.parametrize("path", ["/courses", "/waitlist", "/messages", "/mass-texts"])
def test_each_list_with_a_state_takes_several(desk: Desk, path: str) -> None:
    states = {"/courses": ["active", "cancelled"], "/waitlist": ["waiting", "taken"]}
    states |= {"/messages": ["sent", "failed"], "/mass-texts": ["held", "confirmed"]}

    assert desk.get(path, state=states[path]).status_code == 200
    assert desk.get(path, state=[states[path][0], "no such state"]).status_code == 422


def test_a_parameter_with_one_value_is_not_repeated(desk: Desk, cast: Cast) -> None:
    answer = desk.get("/courses", patient_id=[cast.ann, cast.bob])

    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {
        "field": "patient_id",
        "message": "patient_id was sent more than once. Send it once.",
    }
