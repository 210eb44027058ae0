"""A clinic is opened and kept; what cannot be is named by its field."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, select

from scheduler.audit.audit_trail import OPERATOR, Actor, AuditEntry
from scheduler.clinic import rota, setup
from scheduler.clinic.models import Clinic, HandsOn, Practitioner, Treatment
from scheduler.infra.errors import Invalid, NotAllowed, NotFound
from scheduler.storage.database import Database
from tests.builders.cast import NOW, Cast, settle

pytestmark = pytest.mark.both_databases

CLINIC: dict[str, Any] = {
    "name": "Linde Akupunktur und Naturheilkunde",
    "timezone": "Europe/Berlin",
    "phone": "030 1234567",
    "emergency_phone": "1 12",
    "country": "de",
}


def hours(session: Session, cast: Cast) -> list[tuple[int, str, date | None, date | None]]:
    ana = session.get_one(Practitioner, cast.ana)
    return [
        (row.weekday, f"{row.starts}-{row.ends}", row.valid_from, row.valid_to)
        for row in rota.hours_of(session, ana)
    ]


def test_a_new_clinic_has_normalized_fields(database: Database) -> None:
    with database.transaction() as session:
        clinic = setup.open_clinic(session, OPERATOR, **CLINIC, now=NOW)

        assert (clinic.country, clinic.phone) == ("DE", "+49301234567")
        assert clinic.emergency_phone == "112"
        assert clinic.text_name == "Linde Akupunktur und Naturhe"
        entry = session.exec(select(AuditEntry)).one()
        assert (entry.action, entry.subject, entry.clinic_id) == ("added", "clinic", clinic.id)


def test_staff_of_one_clinic_cannot_create_another(database: Database) -> None:
    with database.transaction() as session, pytest.raises(NotAllowed):
        setup.open_clinic(
            session, Actor(kind="staff", clinic_ids=frozenset({1})), **CLINIC, now=NOW
        )


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "/etc/localtime", "../UTC", "posixrules"])
def test_a_zone_is_a_place_of_the_packaged_data(database: Database, zone: str) -> None:
    with database.transaction() as session, pytest.raises(Invalid) as problem:
        setup.open_clinic(session, OPERATOR, **{**CLINIC, "timezone": zone}, now=NOW)
    assert problem.value.field == "timezone"


def test_a_treatment_is_hands_on_throughout_by_default(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        treatment = setup.offer(
            session,
            OPERATOR,
            session.get_one(Clinic, cast.clinic),
            name="Knee",
            minutes=30,
            phases=[{"sessions": 2, "per_week": 1}],
            practitioner_ids=[cast.ana, cast.ana],
            room_ids=[cast.beds[1]],
            now=NOW,
        )

        assert treatment.hands_on == [HandsOn(from_minute=0, to_minute=30)]
        assert setup.givers(session, [treatment.id or 0]) == {
            treatment.id: ([cast.ana], [cast.beds[1]])
        }


def test_a_shorter_session_must_still_contain_its_hands_on_minutes(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session, pytest.raises(Invalid) as problem:
        setup.change_treatment(
            session, OPERATOR, session.get_one(Treatment, cast.back), {"minutes": 35}, now=NOW
        )
    assert problem.value.field == "hands_on[1]"


def test_practitioners_of_another_clinic_are_refused(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        other = settle(session, name="Birch")

        with pytest.raises(NotFound):
            setup.change_treatment(
                session,
                OPERATOR,
                session.get_one(Treatment, cast.back),
                {"practitioner_ids": [cast.ana, other.ana]},
                now=NOW,
            )


def test_new_hours_for_some_dates_leave_other_dates_alone(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        ana = session.get_one(Practitioner, cast.ana)
        rota.set_hours(session, OPERATOR, ana, [rota.weekly_hours(0, "09:00", "17:00")], now=NOW)

        rota.set_hours(
            session,
            OPERATOR,
            ana,
            [rota.weekly_hours(0, "12:00", "00:00")],
            valid_from=date(2027, 3, 1),
            valid_to=date(2027, 3, 31),
            now=NOW,
        )

        assert sorted(hours(session, cast), key=lambda row: row[2] or date.min) == [
            (0, "09:00-17:00", None, date(2027, 2, 28)),
            (0, "12:00-00:00", date(2027, 3, 1), date(2027, 3, 31)),
            (0, "09:00-17:00", date(2027, 4, 1), None),
        ]


def test_new_hours_without_dates_replace_all(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        ana = session.get_one(Practitioner, cast.ana)

        rota.set_hours(session, OPERATOR, ana, [rota.weekly_hours(4, "08:00", "12:00")], now=NOW)

        assert hours(session, cast) == [(4, "08:00-12:00", None, None)]


def test_adjacent_hours_are_accepted_and_overlapping_hours_refused(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        ana = session.get_one(Practitioner, cast.ana)
        morning = rota.weekly_hours(0, "09:00", "12:00")
        rota.set_hours(
            session, OPERATOR, ana, [morning, rota.weekly_hours(0, "12:00", "17:00")], now=NOW
        )

        with pytest.raises(Invalid):
            rota.set_hours(
                session, OPERATOR, ana, [morning, rota.weekly_hours(0, "11:59", "17:00")], now=NOW
            )
