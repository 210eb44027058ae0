"""Staff set the color of a clinic, and the websites that may embed its form."""

import re

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import AuditEntry
from scheduler.staff.roles import Role
from scheduler.storage.database import Database
from tests.api.conftest import Desk, TestClient, key_for
from tests.builders.cast import Cast

SITE = "https://www.example.org"


@pytest.mark.both_databases
def test_what_staff_set_is_what_the_patients_page_wears(
    desk: Desk, client: TestClient, cast: Cast, database: Database
) -> None:
    path = f"/clinics/{cast.clinic}"
    wished = {"accent": " #7A1F5C", "embed_origins": [SITE + "/", SITE.upper()]}

    answer = desk.send("PATCH", path, wished, if_match=desk.get(path).headers["etag"])

    assert (answer.json()["accent"], answer.json()["embed_origins"]) == ("#7a1f5c", [SITE])
    page = client.get(f"/?clinic={cast.clinic}")
    assert '<link rel="stylesheet" href="/looks/7a1f5c.css">' in page.text
    assert f"frame-ancestors {SITE}" in page.headers["content-security-policy"]
    with database.transaction(write=False) as session:
        written = session.exec(
            select(AuditEntry.action, AuditEntry.subject).order_by(col(AuditEntry.id).desc())
        )
        assert written.first() == ("changed", "clinic")


def test_what_cannot_be_read_or_is_no_website_is_refused_and_nothing_changes(
    desk: Desk, cast: Cast
) -> None:
    path = f"/clinics/{cast.clinic}"
    before = desk.get(path)

    for field, value in (
        ("accent", "#ffcc00"),
        ("accent", "red;}*{"),
        ("embed_origins", ["http://www.example.org"]),
        ("embed_origins", ["https://www.example.org; script-src *"]),
        ("embed_origins", ["*"]),
        ("embed_origins", [f"https://{number}.example.org" for number in range(99)]),
    ):
        answer = desk.send("PATCH", path, {field: value}, if_match=before.headers["etag"])
        assert answer.status_code == 422, value
        assert [error["field"].partition(".")[0] for error in answer.json()["errors"]] == [field]
    pale = desk.send("PATCH", path, {"accent": "#ffcc00"}, if_match=before.headers["etag"])
    assert re.search(r"#[0-9a-f]{6}", pale.json()["detail"] + str(pale.json()["errors"]))
    assert desk.get(path).json() == before.json()


def test_only_an_admin_says_who_may_frame_the_form(
    client: TestClient, desk: Desk, cast: Cast, database: Database
) -> None:
    path = f"/clinics/{cast.clinic}"
    etag = desk.get(path).headers["etag"]

    for role in (Role.FRONT_DESK, Role.PRACTITIONER):
        other = Desk(client, key_for(database, role, [cast.clinic]))
        answer = other.send("PATCH", path, {"embed_origins": [SITE]}, if_match=etag)
        assert answer.status_code == 403
