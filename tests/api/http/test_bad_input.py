"""Bad input gets a 4xx that names the field, never a 5xx, and nothing is stored."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from scheduler.clinic.models import Treatment
from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.api.conftest import API, Desk
from tests.api.courses.test_courses import book
from tests.builders.cast import Cast

pytestmark = pytest.mark.both_databases

PATIENT = {"name": "Cy Example", "phone": "(202) 555-0103"}


def together(
    names: Sequence[str], cases: Sequence[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """All cases before one clinic, which none of them changes: a fresh one for each takes long."""

    def wrap(test: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            for case in cases:
                values = (case,) if len(names) == 1 else case
                test(**given, **dict(zip(names, values, strict=True)))

        asked = inspect.signature(test)
        left = [each for name, each in asked.parameters.items() if name not in names]
        run.__signature__ = asked.replace(parameters=left)  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return wrap


def told(answer: Any) -> list[str]:
    """The fields that an answer names, after a look at its form."""
    assert answer.status_code in {400, 404, 413, 415, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].startswith("/problems/")
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    return [error["field"] for error in problem.get("errors", [])]


@together(
    ("change", "field"),
    [
        ({"phone": "12"}, "phone"),
        ({"phone": "+1 202 555 01034 567"}, "phone"),
        ({"phone": "1" * 5000}, "phone"),
        ({"phone": 12025550103}, "phone"),
        ({"name": "x" * 5000}, "name"),
        ({"name": "'; DROP TABLE patients; --"}, "name"),
        ({"name": "Cy \U0001f600"}, "name"),
        ({"name": "Cy \u202e Example"}, "name"),
        ({"name": "Cy\x00"}, "name"),
        ({"name": "   "}, "name"),
        ({"name": None}, "name"),
        ({"language": "English"}, "language"),
        ({"sms_consent": "yes"}, "sms_consent"),
        ({"screening": {"bleeding": "perhaps"}}, "screening.bleeding"),
        ({"is_admin": True}, "is_admin"),
    ],
)
def test_a_patient_who_cannot_be(
    desk: Desk, database: Database, cast: Cast, change: dict[str, Any], field: str
) -> None:
    answer = desk.post("/patients", {"clinic_id": cast.clinic, **PATIENT, **change})

    assert field in told(answer)
    with database.transaction(write=False) as session:
        names = session.exec(select(Patient.name).order_by(col(Patient.id))).all()
    assert names == ["Ann Example", "Bob Example"]


@together(("name",), ["Zoë O’Neill-Łukasz", "محمد", "שרה", "李小龍", "Ñandú J. Pérez"])
def test_names_of_any_script_are_taken(desk: Desk, cast: Cast, name: str) -> None:
    answer = desk.post("/patients", {"clinic_id": cast.clinic, **PATIENT, "name": name})

    assert answer.status_code == 201


@together(
    ("sessions", "field"),
    [
        ([{"starts_at": "2024-02-22T09:00:00-05:00"}], "sessions[0].starts_at"),
        ([{"starts_at": "2027-02-22T09:00:00"}], "sessions[0].starts_at"),
        ([{"starts_at": "2027-02-22T09:00:30-05:00"}], "sessions[0].starts_at"),
        ([{"starts_at": "2027-02-30T09:00:00-05:00"}], "sessions[0].starts_at"),
        ([{"starts_at": "9999-12-31T23:59:00-23:59"}], "sessions[0].starts_at"),
        ([{"starts_at": "2099-02-22T09:00:00-05:00"}], "sessions[0].starts_at"),
        ([{"starts_at": 1803304800}], "sessions[0].starts_at"),
        ([], "sessions"),
        ([{"starts_at": "2027-02-22T09:00:00-05:00"}] * 61, "sessions"),
        (
            [{"starts_at": "2027-02-22T09:00:00-05:00", "practitioner_id": "1 OR 1=1"}],
            "sessions[0].practitioner_id",
        ),
        ([{"starts_at": "2027-02-22T09:00:00-05:00", "room": 1}], "sessions[0].room"),
    ],
)
def test_times_that_cannot_be(
    desk: Desk, cast: Cast, sessions: list[dict[str, Any]], field: str
) -> None:
    body = {"treatment_id": cast.back, "patient_id": cast.ann, "sessions": sessions}

    assert field in told(desk.post("/courses", body))


def test_a_start_that_clocks_skip_is_an_instant_all_the_same(desk: Desk, cast: Cast) -> None:
    # 02:30 on 14 March does not exist in New York; with an offset it is 03:30 there.
    body = {
        "treatment_id": cast.back,
        "patient_id": cast.ann,
        "sessions": [{"starts_at": "2027-03-14T02:30:00-05:00"}],
    }

    answer = desk.post("/courses", body)

    assert answer.status_code == 409
    assert answer.json()["conflicts"][0]["starts_at"] == "2027-03-14T03:30:00-04:00"
    assert answer.json()["conflicts"][0]["reason"] == "it is outside the practitioner's hours"


@together(
    ("change", "field"),
    [
        ({"phases": []}, "phases"),
        ({"phases": [{"sessions": 0, "per_week": 1}]}, "phases[0].sessions"),
        ({"phases": [{"sessions": 3}]}, "phases[0]"),
        ({"phases": [{"sessions": 3, "per_week": 2, "every_days": 2}]}, "phases[0]"),
        ({"phases": [{"sessions": 30, "within_days": 10}]}, "phases[0]"),
        (
            {"phases": [{"sessions": 2, "per_week": 1}, {"sessions": 6, "per_week": 8}]},
            "phases[1].per_week",
        ),
        ({"phases": [{"sessions": 6, "per_week": 3, "weekdays": ["mon"]}]}, "phases[0]"),
        ({"phases": [{"sessions": 6, "per_week": 1, "optional": True}]}, "phases"),
        ({"phases": [{"sessions": 6, "per_week": 1, "colour": "red"}]}, "phases[0].colour"),
        ({"phases": [{"sessions": 60, "per_week": 5}] * 2}, "phases"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 40.5}, "minutes"),
        ({"minutes": "40"}, "minutes"),
        ({"hands_on": [{"from_minute": 30, "to_minute": 50}], "minutes": 40}, "hands_on[0]"),
        ({"hands_on": [{"from_minute": 5, "to_minute": 5}]}, "hands_on[0]"),
        (
            {
                "hands_on": [
                    {"from_minute": 0, "to_minute": 20},
                    {"from_minute": 10, "to_minute": 30},
                ]
            },
            "hands_on[1]",
        ),
        ({"practitioner_ids": [99999]}, "practitioner_ids[0]"),
        ({"review_after": [0]}, "review_after[0]"),
        ({"name": ""}, "name"),
    ],
)
def test_treatments_that_cannot_be(
    desk: Desk, database: Database, cast: Cast, change: dict[str, Any], field: str
) -> None:
    fit = {
        "clinic_id": cast.clinic,
        "name": "Knee",
        "phases": [{"sessions": 6, "per_week": 2}],
        "practitioner_ids": [cast.ana],
        "room_ids": [cast.beds[0]],
    }

    assert field in told(desk.post("/treatments", {**fit, **change}))
    assert field in told(desk.send("PATCH", f"/treatments/{cast.back}", change))
    with database.transaction(write=False) as session:
        assert session.exec(select(Treatment.name)).all() == ["Back course"]


@together(
    ("change", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "UTC+5"}, "timezone"),
        ({"country": "XX"}, "country"),
        ({"phone": "none"}, "phone"),
        ({"emergency_phone": "call us"}, "emergency_phone"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"texts_per_day": 0}, "texts_per_day"),
    ],
)
def test_clinics_that_cannot_be(desk: Desk, change: dict[str, Any], field: str) -> None:
    fit = {
        "name": "Third",
        "timezone": "Europe/Berlin",
        "phone": "+49 30 1234567",
        "emergency_phone": "112",
        "country": "DE",
    }

    assert field in told(desk.post("/clinics", {**fit, **change}))


@together(
    ("body", "field"),
    [
        ({"weekly": [{"weekday": "monday", "from": "09:00", "to": "17:00"}]}, "weekly[0].weekday"),
        ({"weekly": [{"weekday": "mon", "from": "9", "to": "17:00"}]}, "weekly[0].from"),
        ({"weekly": [{"weekday": "mon", "from": "17:00", "to": "09:00"}]}, "weekly"),
        (
            {
                "weekly": [
                    {"weekday": "mon", "from": "09:00", "to": "12:00"},
                    {"weekday": "mon", "from": "11:00", "to": "14:00"},
                ]
            },
            "weekly",
        ),
        ({"weekly": [], "valid_from": "2027-03-01", "valid_to": "2027-02-01"}, "valid_to"),
    ],
)
def test_hours_that_cannot_be(desk: Desk, cast: Cast, body: dict[str, Any], field: str) -> None:
    assert field in told(desk.send("PUT", f"/practitioners/{cast.ana}/hours", body))


@together(
    ("path", "query", "field"),
    [
        ("/rooms", {"limit": 0}, "limit"),
        ("/rooms", {"limit": 101}, "limit"),
        ("/rooms", {"cursor": "?"}, "cursor"),
        ("/rooms", {"cursor": "W251bGxd"}, "cursor"),
        ("/rooms", {"cursor": "WzFlOTld"}, "cursor"),
        ("/rooms", {"clinic_id": 2**40}, "clinic_id"),
        ("/appointments", {"from": "2027-01-01"}, "to"),
        ("/appointments", {"from": "2027-01-01", "to": "2027-12-31"}, "to"),
        ("/appointments", {"from": "2027-02-01", "to": "2027-01-01"}, "to"),
        ("/appointments", {"from": "soon", "to": "2027-01-01"}, "from"),
        ("/appointments", {"from": "2027-02-01", "to": "2027-02-02", "cursor": "WzFd"}, "cursor"),
        ("/messages", {"state": "lost"}, "state[0]"),
    ],
)
def test_queries_that_cannot_be(desk: Desk, path: str, query: dict[str, Any], field: str) -> None:
    assert field in told(desk.get(path, **query))


def test_a_query_that_is_misspelt_does_nothing_in_earnest(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0)
    address = f"/courses/{course['id']}/cancellation"

    assert told(desk.post(f"{address}?dry-run=true")) == ["dry-run"]
    assert told(desk.get("/appointments", practitioner=1)) == ["practitioner"]

    assert desk.get(f"/courses/{course['id']}").json() == course


def test_an_id_that_no_table_can_hold_is_no_error_of_ours(desk: Desk) -> None:
    told(desk.get(f"/rooms/{2**63}"))
    told(desk.get("/rooms/-1"))
    told(desk.get("/rooms/%00"))


@together(
    ("content", "kind", "status"),
    [
        (b'{"name": ', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"clinic_id": NaN}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"", "application/json", 422),
        (b'{"name": "Bed 3"}', "text/plain", 415),
        (b"name=Bed+3", "application/x-www-form-urlencoded", 415),
        (b"[" * 30_000, "application/json", 400),
        (b'{"name": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_bodies_that_cannot_be_read(desk: Desk, content: bytes, kind: str, status: int) -> None:
    answer = desk.client.post(
        f"{API}/rooms",
        content=content,
        headers={"Authorization": f"Bearer {desk.key}", "Content-Type": kind},
    )

    assert answer.status_code == status, answer.text
    told(answer)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON, place=st.integers(0, 6))
def test_no_value_in_any_place_is_an_error_of_ours(
    desk: Desk, cast: Cast, value: Any, place: int
) -> None:
    bodies: list[tuple[str, Any]] = [
        ("/course-plans", {"treatment_id": cast.back, "start_on": value}),
        ("/course-plans", {"treatment_id": cast.back, "start_on": "2027-02-22", "phases": value}),
        ("/course-plans", {"treatment_id": cast.back, "start_on": "2027-02-22", "between": value}),
        ("/courses", {"treatment_id": cast.back, "patient": value, "sessions": []}),
        ("/patients", {"clinic_id": cast.clinic, "name": value, "phone": "(202) 555-0103"}),
        ("/patients", {"clinic_id": cast.clinic, "name": "Cy", "phone": value}),
        ("/reminder-rules/preview", {"clinic_id": cast.clinic, "template": value}),
    ]
    path, body = bodies[place]

    assert desk.post(path, body).status_code < 500
