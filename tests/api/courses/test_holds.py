"""Held times are no sessions, and staff can release them all."""

import pytest

from scheduler.booking.availability import holds
from scheduler.clinic.models import Treatment
from scheduler.storage.database import Database
from tests.api.conftest import Desk, key_for
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted

pytestmark = pytest.mark.both_databases

TUESDAY = MONDAY + DAY
DATES = {"from": "2027-02-23", "to": "2027-02-23"}


def keep(database: Database, treatment_id: int) -> None:
    with database.transaction() as session:
        treatment = session.get_one(Treatment, treatment_id)
        holds.keep(session, treatment, wanted(TUESDAY), origin="192.0.2.1", now=NOW)


def starts(desk: Desk, cast: Cast) -> list[str]:
    return [
        item["starts_at"]
        for item in desk.get("/slots", treatment_id=cast.back, **DATES).json()["items"]
    ]


def test_a_hold_takes_its_time_and_is_no_appointment(
    desk: Desk, cast: Cast, database: Database
) -> None:
    keep(database, cast.back)

    assert TUESDAY.isoformat() not in starts(desk, cast)
    assert desk.get("/appointments", **DATES).json()["items"] == []


def test_staff_let_all_holds_of_their_clinic_go_and_no_others(
    desk: Desk, cast: Cast, other: Cast, database: Database
) -> None:
    keep(database, cast.back)
    keep(database, other.back)

    answer = desk.send("DELETE", f"/clinics/{cast.clinic}/holds")

    assert (answer.status_code, answer.json()) == (200, {"released": 1})
    assert TUESDAY.isoformat() in starts(desk, cast)
    assert TUESDAY.isoformat() not in starts(desk, other)


def test_nobody_lets_the_holds_of_another_clinic_go(
    desk: Desk, cast: Cast, other: Cast, database: Database
) -> None:
    keep(database, other.back)
    here = Desk(desk.client, key_for(database, clinic_ids=[cast.clinic]))

    assert here.send("DELETE", f"/clinics/{other.clinic}/holds").status_code == 404
    assert TUESDAY.isoformat() not in starts(desk, other)
