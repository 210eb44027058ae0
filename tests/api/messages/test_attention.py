"""The attention list shows what waits for staff."""

from datetime import timedelta

import pytest
from sqlmodel import update

from scheduler.clinic.models import Treatment
from scheduler.doctor import examine
from scheduler.infra.settings import Settings
from scheduler.reminders.models import MassText, MassTextState, Message, Reply
from scheduler.staff.roles import Role
from scheduler.storage.database import Database
from tests.api.conftest import Desk, TestClient, key_for
from tests.builders.cast import NOW, Cast
from tests.builders.clock import FrozenClock
from tests.builders.one_of_each import Ids, furnish


@pytest.fixture
def own(database: Database, cast: Cast) -> Ids:
    return furnish(database, cast)


@pytest.mark.both_databases
def test_what_waits_is_told_by_kind_with_the_place_to_look(
    desk: Desk, database: Database, cast: Cast, own: Ids, clock: FrozenClock
) -> None:
    with database.transaction() as session:
        session.add(
            Reply(
                clinic_id=cast.clinic,
                carrier_id="SM-danger",
                phone="+12025550101",
                body="I cannot breathe",
                meaning="danger",
                urgent=True,
                for_staff=True,
                at=NOW + timedelta(hours=1),
            )
        )
        session.exec(update(Message).values(for_staff=True))
        session.exec(update(Treatment).values(review_after=[1]))
    clock.move(days=22)

    items = desk.get("/attention").json()["items"]

    assert [(item["kind"], item["count"], item["since"], item["look_at"]) for item in items] == [
        ("urgent_reply", 1, "2027-02-01T08:00:00-05:00", "/replies?urgent=true"),
        ("mass_text", 1, "2027-01-23T07:00:00-05:00", "/mass-texts?state=held"),
        ("reply", 1, "2027-02-01T07:00:00-05:00", "/replies"),
        ("text", 1, "2027-02-01T07:00:00-05:00", "/messages?for_staff=true&to_call=false"),
        ("review", 1, "2027-02-22T09:40:00-05:00", "/reviews"),
    ]
    for item in items:
        path, _, query = item["look_at"].partition("?")
        asked = dict(part.split("=") for part in query.split("&") if part)
        assert desk.get(path, **asked).json()["items"] != []


@pytest.mark.both_databases
def test_what_was_taken_care_of_is_gone(desk: Desk, own: Ids) -> None:
    assert [item["kind"] for item in desk.get("/attention").json()["items"]] == [
        "mass_text",
        "reply",
    ]

    desk.post(f"/replies/{own.by_parameter['reply_id']}/handling")
    desk.post(f"/mass-texts/{own.by_parameter['mass_text_id']}/stop")

    assert desk.get("/attention").json()["items"] == []


def test_who_may_not_see_answers_about_health_is_not_told_of_reviews(
    client: TestClient, database: Database, own: Ids, clock: FrozenClock
) -> None:
    with database.transaction() as session:
        session.exec(update(Treatment).values(review_after=[1]))
    clock.move(days=22)
    front = Desk(client, key_for(database, Role.FRONT_DESK))
    practitioner = Desk(client, key_for(database, Role.PRACTITIONER))

    kinds = {item["kind"] for item in front.get("/attention").json()["items"]}
    more = {item["kind"] for item in practitioner.get("/attention").json()["items"]}

    assert more - kinds == {"review"}


def test_it_comes_in_parts(desk: Desk, own: Ids) -> None:
    first = desk.get("/attention", limit=1).json()
    rest = desk.get("/attention", limit=1, cursor=first["next_cursor"]).json()

    assert [item["kind"] for item in first["items"] + rest["items"]] == ["mass_text", "reply"]
    assert rest["next_cursor"] is None


@pytest.mark.both_databases
def test_texts_to_many_that_wait_show_where_operators_look_and_stop_nothing(
    client: TestClient, database: Database, own: Ids, settings: Settings
) -> None:
    said = "Bulk texts wait for a confirmation (1), the first since 2027-01-23 12:00 UTC."

    ready = client.get("/health/ready")
    findings = list(examine(settings, database, carrier=None, now=NOW))

    assert (ready.status_code, ready.json()["waiting"]) == (200, [said])
    [warned] = [finding for finding in findings if finding.subject == "texts"]
    assert (warned.sentence, warned.is_warning, warned.is_wrong) == (said, True, False)

    with database.transaction() as session:
        session.exec(update(MassText).values(state=MassTextState.CONFIRMED))
    assert "waiting" not in client.get("/health/ready").json()
