"""From the first page to the last with nothing but a keyboard, as different people are equipped."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect
from sqlmodel import col, select
from starlette.testclient import TestClient

from scheduler.booking.models import Appointment
from scheduler.clinic.models import Closure
from scheduler.patients import screening
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import Equipped, Walk, walking
from tests.web.conftest import Visitor

MOST_TABS = 120

PEOPLE = (
    Equipped(scripts=True, width=1280, language="en", scheme="light"),
    Equipped(scripts=True, width=320, language="es", scheme="dark"),
    Equipped(scripts=False, width=1280, language="es", scheme="dark"),
    Equipped(scripts=False, width=320, language="en", scheme="dark"),
    Equipped(scripts=False, width=320, language="es", scheme="light"),
)
"""A few combinations in which every pair of values occurs at least once. `make test` takes one with
scripts and one without, `make chaos` all of them."""


def _named(person: Equipped) -> str:
    return "-".join(map(str, person))


@pytest.fixture(params=[PEOPLE[0], PEOPLE[4], *only_in_chaos(*PEOPLE[1:4])], ids=_named)
def person(request: pytest.FixtureRequest) -> Equipped:
    equipped: Equipped = request.param
    return equipped


@pytest.fixture
def walk(browser: Browser, person: Equipped) -> Iterator[Walk]:
    with walking(browser, f"keys-{_named(person)}", person) as walk:
        yield walk


def go_to(walk: Walk, selector: str) -> None:
    """Press Tab until something is reached, and see that one can see where one is."""
    for _ in range(MOST_TABS):
        walk.page.keyboard.press("Tab")
        if walk.page.evaluate("what => document.activeElement.matches(what)", selector):
            return
    pytest.fail(f"Tab does not reach {selector} on {walk.page.url}")


def press(walk: Walk, selector: str) -> None:
    """Reach a button or a link, and press it."""
    go_to(walk, selector)
    with walk.page.expect_navigation():
        walk.page.keyboard.press("Enter")


def choose(walk: Walk, name: str, value: str) -> None:
    """Reach a group of choices, and move to one."""
    go_to(walk, f"[name={name}]")
    walk.page.keyboard.press("Space")
    for _ in range(8):
        if walk.page.evaluate("document.activeElement.value") == value:
            return
        walk.page.keyboard.press("ArrowDown")
    pytest.fail(f"{name} has no {value}")


def test_a_course_is_booked_with_a_keyboard_alone(
    walk: Walk, person: Equipped, address: str, database: Database, cast: Cast
) -> None:
    walk.page.goto(f"{address}/")
    press(walk, "main a.card")
    press(walk, "main form button")
    choose(walk, "pain_since", "chronic")
    for question in screening.QUESTIONS:
        choose(walk, question.key, "no")
    press(walk, "main form button")
    go_to(walk, "[name=weekdays][value='0']")
    walk.page.keyboard.press("Space")
    go_to(walk, "[name=weekdays][value='3']")
    walk.page.keyboard.press("Space")
    press(walk, "main form button")

    walk.look("plan")
    press(walk, "button[value=week]")
    press(walk, "button[value=back]")
    press(walk, "a[href$='/plan/3']")
    walk.look("change")
    choose(walk, "slot", walk.page.locator("[name=slot]").nth(1).get_attribute("value") or "")
    press(walk, "main form button")
    walk.look("plan-changed")
    expect(walk.page.locator(".session .tag")).to_have_count(1)
    press(walk, "main form button")
    go_to(walk, "#name")
    walk.page.keyboard.type("Ada Example")
    go_to(walk, "#phone")
    walk.page.keyboard.type("202-555-0155")
    go_to(walk, "#consent")
    walk.page.keyboard.press("Space")
    press(walk, "main form button")
    go_to(walk, "#code")
    walk.page.keyboard.type(Visitor(TestClient(FastAPI()), database, cast).code())
    with walk.page.expect_navigation():
        walk.page.keyboard.press("Enter")
    walk.look("done")

    assert walk.page.url.endswith("/done")
    assert walk.page.locator("html").get_attribute("lang") == person.language
    with database.transaction(write=False) as session:
        assert len(session.exec(select(col(Appointment.id))).all()) == 10
    assert walk.strangers(address) == []
    assert walk.complaints == []


@pytest.mark.parametrize(
    "person", [PEOPLE[3], *only_in_chaos(PEOPLE[0], PEOPLE[1])], indirect=True, ids=_named
)
def test_who_finds_nothing_waits_with_a_keyboard_alone(
    walk: Walk, person: Equipped, address: str, visitor: Visitor, database: Database
) -> None:
    with database.transaction() as session:
        for day in range(60):
            closed = date(2027, 3, 1) + timedelta(days=day)
            session.add(Closure(clinic_id=visitor.cast.clinic, day=closed, reason="works"))
    visitor.reach("wishes")
    visitor.post("wishes", dict(visitor.wishes))
    language = f"?lang={person.language}"

    walk.page.goto(f"{address}{visitor.base}/wishes{language}")
    walk.look("refused")
    press(walk, "button[value=fewer]")
    walk.look("fewer")
    walk.page.goto(f"{address}{visitor.base}/plans{language}")
    walk.look("plans")
    visitor.post("wishes", dict(visitor.wishes))
    walk.page.goto(f"{address}{visitor.base}/wishes{language}")
    press(walk, "a[href*='/waitlist']")
    walk.look("waitlist")
    press(walk, "main form button")
    walk.look("waitlist-wrong")
    go_to(walk, "#name")
    walk.page.keyboard.type("Ada Example")
    go_to(walk, "#phone")
    walk.page.keyboard.type("202-555-0155")
    go_to(walk, "#consent")
    walk.page.keyboard.press("Space")
    press(walk, "main form button")
    walk.look("waitlist-code")
    go_to(walk, "#code")
    walk.page.keyboard.type(visitor.code())
    with walk.page.expect_navigation():
        walk.page.keyboard.press("Enter")
    walk.look("waiting")
    press(walk, "main form button")
    walk.look("waiting-over")

    expect(walk.page.locator("h1")).to_have_count(1)
    assert walk.complaints == []
