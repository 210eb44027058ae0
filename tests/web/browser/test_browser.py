"""The booking form in a real Chromium, without JavaScript, on a desk and on a phone."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser
from sqlmodel import col, select
from starlette.testclient import TestClient

from scheduler.booking.models import Appointment
from scheduler.clinic.models import Practitioner, Treatment
from scheduler.patients import screening
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import DESK, PHONE, Walk, walking
from tests.web.conftest import Visitor

LOOKS = {"desk": DESK, "phone": PHONE}
STEPS = ("screening", "wishes", "plan", "plan/3", "details")


@pytest.fixture(params=["phone", *only_in_chaos("desk")])
def walk(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """A patient at a desktop by day, or with a small phone by night."""
    with walking(browser, str(request.param), LOOKS[request.param]) as walk:
        yield walk


def test_a_published_course_is_booked_across_a_clock_change_without_scripts(
    walk: Walk, address: str, database: Database, cast: Cast
) -> None:
    walk.page.goto(address)
    walk.look("01-treatments")
    walk.press("Back course")
    walk.look("02-treatment")
    walk.press("Book this course")

    tell_about_health(walk)
    wish_for_mornings(walk)
    change_the_third(walk)
    say_who_comes(walk)
    walk.page.get_by_label("Code").fill(Visitor(TestClient(FastAPI()), database, cast).code())
    walk.press("Book my course")
    look_after_it(walk)
    walk.page.goto(f"{address}/my/nothing")
    walk.look("16-not-found")

    with database.transaction(write=False) as session:
        sessions = session.exec(select(Appointment).order_by(col(Appointment.number))).all()
    assert len(sessions) == 10
    assert [appointment.wall_time[11:] for appointment in sessions if appointment.number != 3] == [
        "09:00"
    ] * 9
    # Nine in winter is 14:00 UTC, nine in summer 13:00: clocks went forward on 14 March.
    assert sessions[0].starts_at == datetime(2027, 2, 22, 14, 0, tzinfo=UTC)
    assert sessions[9].starts_at == datetime(2027, 4, 5, 13, 0, tzinfo=UTC)
    assert [appointment.state for appointment in sessions[:2]] == ["confirmed", "cancelled"]
    assert walk.strangers(address) == []
    assert walk.complaints == []


LONG = "W" * 60


@pytest.mark.parametrize("walk", ["phone"], indirect=True)
def test_names_without_a_break_do_not_stick_out_of_a_small_phone(
    walk: Walk, address: str, visitor: Visitor, database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        session.get_one(Treatment, cast.back).name = LONG
        session.get_one(Practitioner, cast.ana).name = LONG
    visitor.reach("details")

    for path in ("", f"/treatments/{cast.back}", *(f"{visitor.base}/{step}" for step in STEPS)):
        walk.page.goto(f"{address}{path}")
        walk.look(f"long{path.rpartition('/')[2]}")


def tell_about_health(walk: Walk) -> None:
    walk.look("03-health")
    walk.press("Continue")
    walk.look("04-health-unanswered")
    named = walk.page.locator("#errors").get_by_role("link").count()
    assert named == len(screening.QUESTIONS) + 1
    walk.page.check("[name=pain_since][value=chronic]")
    for question in screening.QUESTIONS:
        walk.page.check(f"[name={question.key}][value=no]")
    walk.press("Continue")


def wish_for_mornings(walk: Walk) -> None:
    walk.look("05-wishes")
    walk.page.fill("#start_on", "2027-02-22")
    for label in ("Monday", "Thursday", "Before noon"):
        walk.page.get_by_label(label).check()
    walk.press("Show me the times")


def change_the_third(walk: Walk) -> None:
    walk.look("06-plan")
    spoken = "Change session 3, Monday, March 1, 9:00 to 9:40 am"
    walk.go(walk.page.get_by_role("link", name=spoken))
    walk.look("07-change")
    walk.page.get_by_label("Monday, March 1, 9:20 to 10:00 am").check()
    walk.press("Take this time")
    walk.look("08-plan-changed")
    walk.press("Take these times")


def say_who_comes(walk: Walk) -> None:
    for name, phone in (("😀", "123"), ("عائشة Example", "202-555-0155")):
        walk.page.get_by_label("Your name").fill(name)
        walk.page.get_by_label("Your mobile phone").fill(phone)
        walk.page.locator("#consent").check()
        walk.press("Text me the code")
        walk.look("09-details-wrong" if phone == "123" else "10-code")


def look_after_it(walk: Walk) -> None:
    walk.look("11-done")
    walk.page.reload()
    assert walk.page.locator("h1").inner_text() == "Your course is booked"
    walk.page.go_back()
    assert walk.page.locator("h1").inner_text() == "Your course is booked"
    walk.press("Open my course")
    walk.look("12-my")
    walk.press("I will come")
    walk.look("13-confirmed")
    walk.go(walk.page.get_by_role("link", name="Cancel session 2,"))
    walk.look("14-cancel")
    walk.press("Cancel this session")
    walk.look("15-cancelled")
