"""Staff change reminder rules, and preview templates before they save them."""

from typing import Any

import pytest
from httpx import Response
from sqlmodel import col, delete, select

from scheduler.reminders.models import ReminderRule
from scheduler.reminders.schedule.segments import count
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import NOW, Cast

RULES = "/reminder-rules"
PARKING = "{clinic}: {date} {time}. Parking is behind the house."
LONG = "{clinic}: session {number} of {total}, {date} {time}." + "!" * 130


def add(desk: Desk, cast: Cast, **changes: Any) -> Response:
    """One more rule: the day before, where to park."""
    rule = {
        "clinic_id": cast.clinic,
        "kind": "parking",
        "anchor": "start",
        "offset_minutes": -1440,
        "useful_minutes": -120,
        "templates": {"en": PARKING},
    }
    return desk.post(RULES, {**rule, **changes})


def preview(desk: Desk, cast: Cast, template: str, **more: Any) -> dict[str, Any]:
    answer = desk.post(f"{RULES}/preview", {"clinic_id": cast.clinic, "template": template, **more})
    said: dict[str, Any] = answer.json()
    return said


@pytest.mark.parametrize(
    "what",
    [
        {"which": "each_phase"},
        {"which": "every", "every": 3},
        {"which": "last", "anchor": "end", "offset_minutes": 60, "useful_minutes": 600},
        {"which": "review", "anchor": "end", "offset_minutes": 60, "useful_minutes": 600},
        {"anchor": "booked", "offset_minutes": 0, "useful_minutes": 60},
        {"cases": {"missed": {"en": "{clinic}: we missed you.", "es": "{clinic}: hola."}}},
    ],
)
def test_a_rule_is_kept_as_it_was_said(desk: Desk, cast: Cast, what: dict[str, Any]) -> None:
    added = add(desk, cast, **what)

    assert added.status_code == 201, added.text
    kept = desk.get(f"{RULES}/{added.json()['id']}").json()
    assert {name: kept[name] for name in what} == what


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"which": "every"}, "every"),
        ({"every": 3}, "every"),
        ({"which": "moved"}, "which"),
        ({"anchor": "booked", "which": "last", "offset_minutes": 0, "useful_minutes": 9}, "which"),
        ({"anchor": "booked", "offset_minutes": -5, "useful_minutes": 60}, "offset_minutes"),
        ({"useful_minutes": -1440}, "useful_minutes"),
        ({"templates": {"es": PARKING}}, "templates.en"),
        ({"templates": {"en": PARKING, "fr": PARKING}}, "templates.fr.[key]"),
        ({"cases": {"missed": {"es": PARKING}}}, "cases.missed.en"),
        ({"templates": {"en": "Dear {name}"}}, "templates.en"),
        ({"templates": {"en": PARKING, "es": "{{7*7}}"}}, "templates.es"),
        ({"templates": {"en": "{0.__class__}"}}, "templates.en"),
        ({"templates": {"en": "{clinic!r}"}}, "templates.en"),
        ({"templates": {"en": "Your code is {code}"}}, "templates.en"),
        ({"templates": {"en": "{clinic}: reply CANCEL to cancel"}}, "templates.en"),
        ({"templates": {"en": PARKING + "x" * 120}}, "templates.en"),
        ({"templates": {"en": "{clinic}: see you soon 😀"}}, "templates.en"),
        ({"cases": {"last": {"en": "{clinic}: 明日"}}}, "cases.last.en"),
        ({"which": "sometimes"}, "which"),
        ({"cases": {"rainy": {"en": PARKING}}}, "cases.rainy.[key]"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_by_field(
    desk: Desk, cast: Cast, what: dict[str, Any], field: str
) -> None:
    refused = add(desk, cast, **what)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]


@pytest.mark.both_databases
def test_a_clinic_may_allow_longer_texts(desk: Desk, cast: Cast) -> None:
    refused = add(desk, cast, templates={"en": LONG})
    desk.send("PATCH", f"/clinics/{cast.clinic}", {"segments_per_text": 2})

    assert refused.json()["errors"][0]["message"].startswith("Too long: 2 segments")
    assert add(desk, cast, templates={"en": LONG}).status_code == 201


def test_a_new_name_that_makes_a_text_too_long_is_refused(desk: Desk, cast: Cast) -> None:
    add(desk, cast, templates={"en": "{clinic}: " + "x" * 140})

    refused = desk.send("PATCH", f"/clinics/{cast.clinic}", {"text_name": "Willow by the River"})

    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("The text parking would no longer do. Too long:")
    assert desk.get(f"/clinics/{cast.clinic}").json()["text_name"] == "Willow"


def test_look_alikes_are_replaced_and_not_refused(desk: Desk, cast: Cast) -> None:
    said = preview(desk, cast, "{clinic}:\u00a0“don’t rush” – it\u2019s\u202f{time}…\u200b\tBye")

    assert said["text"].startswith("Willow: \"don't rush\" - it's ")
    assert said["text"].endswith("... Bye")
    assert (said["encoding"], said["refusal"]) == ("GSM-7", "")


def test_the_preview_shows_each_case_in_each_language(desk: Desk, cast: Cast) -> None:
    said = preview(desk, cast, "{clinic}: {number}/{total} {date} {time}, {eat_by}")

    assert [(case["language"], case["case"], case["text"]) for case in said["cases"]] == [
        (language, case, f"Willow: {text}")
        for language, cases in {
            "en": (
                "1/10 Mon 8 Feb 9:00 AM, 7:00 AM",
                "5/10 Mon 8 Feb 9:00 AM, 7:00 AM",
                "10/10 Mon 8 Feb 9:00 AM, 7:00 AM",
                "24/24 Wed 10 Feb 10:40 PM, 8:40 PM",
                "5/10 Sun 14 Mar 4:00 AM, 1:00 AM",
                "5/10 Sun 7 Nov 4:00 AM, 2:00 AM",
            ),
            "es": (
                "1/10 lun 8 feb 9:00 AM, 7:00 AM",
                "5/10 lun 8 feb 9:00 AM, 7:00 AM",
                "10/10 lun 8 feb 9:00 AM, 7:00 AM",
                "24/24 vie 10 sept 10:40 PM, 8:40 PM",
                "5/10 dom 14 mar 4:00 AM, 1:00 AM",
                "5/10 dom 7 nov 4:00 AM, 2:00 AM",
            ),
        }.items()
        for case, text in zip(
            (
                "the first session",
                "one in the middle",
                "the last session",
                "the longest day, time, number and name",
                "the clocks go forward",
                "the clocks go back",
            ),
            cases,
            strict=True,
        )
    ]
    assert all(case["segments"] == count(case["text"]).segments for case in said["cases"])


@pytest.mark.both_databases
def test_the_preview_tells_the_price_where_the_clinic_has_said_one(desk: Desk, cast: Cast) -> None:
    unknown = preview(desk, cast, LONG, recipients=50, language="en")
    desk.send("PATCH", f"/clinics/{cast.clinic}", {"segment_price": "0.0083"})
    known = preview(desk, cast, LONG, recipients=50, language="en")

    assert (unknown["segments"], unknown["billed"], unknown["cost"]) == (2, 100, None)
    assert known["cost"] == "0.8300"
    assert known["refusal"].startswith("Too long: 2 segments")


def test_a_private_link_is_counted_in_full(desk: Desk, cast: Cast) -> None:
    said = preview(desk, cast, "{link}", language="es")

    assert said["text"] == "http://testserver/my/" + "x" * 22


def test_an_unsupported_language_is_refused(desk: Desk, cast: Cast) -> None:
    answer = desk.post(
        f"{RULES}/preview", {"clinic_id": cast.clinic, "template": "x", "language": "fr"}
    )

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["message"] == "“fr” is not a supported language; use one of en, es"


def forget(database: Database, *kinds: str) -> None:
    """As in a clinic that had its rules before there were these."""
    with database.transaction() as session:
        session.exec(delete(ReminderRule).where(col(ReminderRule.kind).in_(kinds)))


def test_a_standard_text_that_a_clinic_lacks_is_listed_and_adopted_once(
    desk: Desk, database: Database, cast: Cast
) -> None:
    desk.get(RULES)
    forget(database, "review", "closing")

    lacking = desk.get(f"{RULES}/standard", clinic_id=cast.clinic).json()["items"]
    tried = desk.post(f"{RULES}/standard?dry_run=true", adoption(cast, "review"))
    still = desk.get(f"{RULES}/standard").json()["items"]
    adopted = desk.post(f"{RULES}/standard", adoption(cast, "review"))
    again = desk.post(f"{RULES}/standard", adoption(cast, "review"))

    assert [rule["kind"] for rule in lacking] == ["review", "closing"]
    assert (tried.status_code, still) == (201, lacking)
    assert (tried.json()["id"], "ETag" in tried.headers) == (None, False)
    assert adopted.status_code == 201, adopted.text
    assert {name: adopted.json()[name] for name in lacking[0]} == lacking[0]
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-adopted")
    rest = desk.get(f"{RULES}/standard").json()["items"]
    assert [appointment["kind"] for appointment in rest] == ["closing"]
    [entry] = [item for item in desk.get("/audit").json()["items"] if item["deed"] == "adopted"]
    assert entry["subject_id"] == adopted.json()["id"]


def adoption(cast: Cast, kind: str) -> dict[str, Any]:
    return {"clinic_id": cast.clinic, "kind": kind}


@pytest.mark.both_databases
def test_an_adopted_text_says_nothing_of_what_is_past(
    desk: Desk, database: Database, cast: Cast
) -> None:
    desk.get(RULES)
    forget(database, "closing")
    desk.post(f"{RULES}/standard", adoption(cast, "closing"))

    with database.transaction(write=False) as session:
        rule = session.exec(select(ReminderRule).where(ReminderRule.kind == "closing")).one()
    assert rule.holds_from == NOW


def test_one_that_is_switched_off_is_not_lacking_and_no_other_is_standard(
    desk: Desk, cast: Cast
) -> None:
    [rule] = [item for item in desk.get(RULES).json()["items"] if item["kind"] == "review"]
    desk.send("PATCH", f"{RULES}/{rule['id']}", {"active": False})

    refused = desk.post(f"{RULES}/standard", adoption(cast, "parking"))

    assert desk.get(f"{RULES}/standard").json()["items"] == []
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["kind"]
