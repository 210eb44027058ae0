"""Languages, text names, paces and days of requests are checked; OpenAPI shows what applies."""

from typing import Any

import pytest

from tests.api.conftest import Desk, TestClient
from tests.builders.cast import Cast

CLINIC = {
    "name": "Third",
    "timezone": "Europe/Berlin",
    "phone": "+49 30 1234567",
    "emergency_phone": "112",
    "country": "DE",
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"language": "xx"}, "language"),
        ({"text_name": "Вербена"}, "text_name"),
        ({"text_name": "Willow \N{HERB}"}, "text_name"),
        ({"name": "柳"}, "text_name"),
    ],
)
def test_a_clinic_whose_name_cannot_be_texted_is_refused(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    answer = desk.post("/clinics", CLINIC | change)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_text_name_is_written_in_plain_letters(desk: Desk) -> None:
    assert desk.post("/clinics", CLINIC | {"name": "Żółw’s"}).json()["text_name"] == "Zolw's"


def test_a_patient_has_a_supported_language(desk: Desk, cast: Cast) -> None:
    answer = desk.send("PATCH", f"/patients/{cast.ann}", {"language": "de"})

    assert answer.json()["errors"][0]["field"] == "language"
    assert desk.send("PATCH", f"/patients/{cast.ann}", {"language": "es"}).status_code == 200


@pytest.mark.parametrize("pace", [True, "2"])
def test_a_pace_is_a_number(desk: Desk, cast: Cast, pace: object) -> None:
    phases = [{"sessions": 2, "per_week": pace}]

    answer = desk.send("PATCH", f"/treatments/{cast.back}", {"phases": phases})

    assert answer.json()["errors"][0]["field"] == "phases[0].per_week"


def test_a_past_day_cannot_be_closed(desk: Desk, cast: Cast) -> None:
    address = f"/clinics/{cast.clinic}/closures"

    assert desk.post(address, {"date": "2027-01-31"}).json()["errors"][0]["field"] == "date"
    assert desk.post(address, {"date": "2027-02-01"}).status_code == 201, "today"


def test_openapi_shows_only_defaults_and_headers_that_count(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    changes = [
        schema for name, schema in described["components"]["schemas"].items() if "Change" in name
    ]
    headers = {
        (method, path): {parameter["name"].lower() for parameter in operation.get("parameters", ())}
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }

    assert len(changes) == 7
    assert not [schema for schema in changes if "default" in str(schema["properties"])]
    for (method, path), names in headers.items():
        assert ("idempotency-key" in names) <= (method == "post"), path
    assert "if-match" in headers["patch", "/api/v1/clinics/{clinic_id}"]
    assert "if-match" in headers["post", "/api/v1/courses/{course_id}/shift"]
    assert "if-match" not in headers["post", "/api/v1/courses"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_checks_answer_head_requests(client: TestClient, path: str) -> None:
    answer = client.head(path)

    assert answer.status_code == client.get(path).status_code
    assert answer.content == b""
