"""Two patients at two browsers want the last free time at one moment: one has it, and the other
is offered the nearest that are left, with all that they typed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from sqlmodel import Session, col, delete, select, update

from scheduler.booking.models import Appointment
from scheduler.clinic.models import (
    Practitioner,
    Treatment,
    TreatmentPractitioner,
    WorkingHours,
)
from scheduler.clinic.phases import Phase
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.builders.clock import FrozenClock
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import PHONE, Equipped, Walk, walking
from tests.web.conftest import Visitor

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql", *only_in_chaos("sqlite")])

WANTED = "Wednesday, March 10"
PRESS_AT = """when =>
    setTimeout(() => document.querySelector("main form button").click(), when - Date.now())
"""


@pytest.fixture
def browsers(browser: Browser) -> Iterator[tuple[Walk, Walk]]:
    """One at a desk and one at a phone."""
    with (
        walking(browser, "race-desk", Equipped(scripts=True)) as one,
        walking(browser, "race-phone", PHONE._replace(scripts=True)) as other,
    ):
        yield one, other


@pytest.fixture
def narrow(database: Database, cast: Cast) -> None:
    """Ana alone, and from Monday to Friday one time a day: nine o'clock."""
    with database.transaction() as session:
        leave_to(session, cast.ana)
        session.exec(update(WorkingHours).values(ends="09:45"))
        session.get_one(Treatment, cast.back).phases = [Phase(sessions=3, per_week=1)]


def leave_to(session: Session, practitioner_id: int) -> None:
    others = col(TreatmentPractitioner.practitioner_id) != practitioner_id
    session.exec(delete(TreatmentPractitioner).where(others))
    session.exec(
        update(Practitioner).where(col(Practitioner.id) != practitioner_id).values(active=False)
    )


def visitors(one: Visitor) -> tuple[Visitor, Visitor]:
    """Two who fill a form each; no weekday is wished."""
    other = Visitor(one.client, one.database, one.cast)
    other.details |= {"name": "Bea Example", "phone": "(202) 555-0156"}
    for page in (one, other):
        page.wishes = {"start_on": "2027-02-22", "hours": "any"}
    return one, other


def press_together(*walks: Walk) -> None:
    """Press the first button of the page's own form in both browsers at one moment."""
    one, other = (walk.page for walk in walks)
    when = one.evaluate("Date.now() + 200")
    with one.expect_navigation(), other.expect_navigation():
        one.evaluate(PRESS_AT, when)
        other.evaluate(PRESS_AT, when)


def booked(database: Database) -> list[list[str]]:
    """The wall times of each course."""
    with database.transaction(write=False) as session:
        found = session.exec(
            select(Appointment.course_id, Appointment.wall_time).order_by(
                col(Appointment.course_id), col(Appointment.starts_at)
            )
        ).all()
    ids = dict.fromkeys(course for course, _ in found)
    return [[time for course, time in found if course == row_id] for row_id in ids]


def finish(visitor: Visitor, walk: Walk) -> None:
    """Go on from the proposed course to the end, as one does at a browser."""
    page = walk.page
    page.get_by_role("button", name="Take these times").first.click()
    if not page.locator("#name").input_value():
        page.locator("#name").fill(visitor.details["name"])
        page.locator("#phone").fill(visitor.details["phone"])
    walk.press("Text me the code")
    page.locator("#code").fill(visitor.code())
    walk.press("Book my course")
    assert page.locator("h1").inner_text() == "Your course is booked"


def told_about_health(walk: Walk, address: str, visitor: Visitor) -> bool:
    """Whether the form still knows the answers about health, and shows them."""
    walk.page.goto(f"{address}{visitor.base}/screening")
    return all(
        walk.page.locator(f"[name={name}][value={value}]").is_checked()
        for name, value in visitor.health.items()
    )


@pytest.mark.usefixtures("narrow")
def test_two_who_press_for_the_last_time_of_a_day(
    browsers: tuple[Walk, Walk], visitor: Visitor, address: str, database: Database
) -> None:
    both = dict(zip(browsers, visitors(visitor), strict=True))
    for walk, who in both.items():
        who.reach("plan")
        walk.page.goto(f"{address}{who.base}/plan/3")
        walk.page.get_by_label(f"{WANTED}, 9:00 to 9:40 am").check()

    press_together(*browsers)

    [winner] = [browser for browser in browsers if browser.page.url.endswith("/plan")]
    [loser] = [browser for browser in browsers if browser is not winner]
    assert f"Session 3 is now on {WANTED}" in winner.page.locator("[role=status]").inner_text()
    assert "This time is no longer free" in loser.page.locator("#errors").inner_text()
    loser.look("change-taken")
    left = loser.page.locator("legend").all_inner_texts()
    assert "Thursday, March 11" in left
    assert WANTED not in left
    loser.page.get_by_label("Thursday, March 11").check()
    loser.press("Take this time")
    assert told_about_health(loser, address, both[loser])
    for walk in (loser, winner):
        walk.page.goto(f"{address}{both[walk].base}/plan")
        finish(both[walk], walk)
    one, other = booked(database)
    assert set(one).isdisjoint(other)
    assert {one[2], other[2]} == {"2027-03-10T09:00", "2027-03-11T09:00"}
    assert [walk.complaints for walk in browsers] == [[], []]


@pytest.mark.usefixtures("narrow")
def test_two_who_press_for_the_same_course_when_neither_keeps_it_any_more(
    browsers: tuple[Walk, Walk],
    visitor: Visitor,
    address: str,
    database: Database,
    clock: FrozenClock,
) -> None:
    both = dict(zip(browsers, visitors(visitor), strict=True))
    for walk, who in both.items():
        who.reach("details")
        walk.page.goto(f"{address}{who.base}/details")
        walk.page.locator("#name").fill(who.details["name"])
        walk.page.locator("#phone").fill(who.details["phone"])
        walk.page.locator("#consent").check()
        clock.move(minutes=11)

    press_together(*browsers)

    [winner] = [browser for browser in browsers if browser.page.url.endswith("/code")]
    [loser] = [browser for browser in browsers if browser is not winner]
    assert loser.page.url.endswith("/plan")
    assert "Some of your times were taken" in loser.page.locator("[role=status]").inner_text()
    loser.look("plan-taken")
    loser.page.get_by_role("button", name="Take these times").first.click()
    assert loser.page.locator("#name").input_value() == both[loser].details["name"]
    assert loser.page.locator("#phone").input_value() == both[loser].details["phone"]
    assert loser.page.locator("#consent").is_checked()
    assert told_about_health(loser, address, both[loser])
    winner.page.locator("#code").fill(both[winner].code())
    winner.press("Book my course")
    loser.page.goto(f"{address}{both[loser].base}/plan")
    finish(both[loser], loser)
    # Mondays for one; for the other the days after them, which are the nearest that are free.
    assert booked(database) == [
        ["2027-02-22T09:00", "2027-03-01T09:00", "2027-03-08T09:00"],
        ["2027-02-23T09:00", "2027-03-02T09:00", "2027-03-09T09:00"],
    ]
    assert [walk.complaints for walk in browsers] == [[], []]
