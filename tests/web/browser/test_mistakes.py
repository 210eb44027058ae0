"""Browser habits in a real Chromium: patients press twice, go back, wait too long, and leave old
windows open. Nothing is done twice, nothing is lost, and each page tells how things are."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import col, select

from scheduler.booking.models import Appointment, Course
from scheduler.storage.database import Database
from tests.builders.clock import FrozenClock
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import DESK, Equipped, Walk, walking
from tests.web.conftest import Visitor, count

LOOKS = {"scripts": Equipped(scripts=True), "no scripts": DESK}


@pytest.fixture(params=["scripts", *only_in_chaos("no scripts")])
def walk(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """A patient at a desktop, with scripts and without."""
    with walking(browser, f"mistakes-{request.param}", LOOKS[request.param]) as walk:
        yield walk


def heading(page: Page) -> str:
    return page.locator("h1").inner_text()


def told(page: Page) -> str:
    return page.locator("[role=status]").inner_text()


def states(database: Database) -> list[str]:
    """The state of each session, in order."""
    with database.transaction(write=False) as session:
        found = select(Appointment.state).order_by(col(Appointment.number))
        return [str(row) for row in session.exec(found)]


def press_twice(page: Page, name: str, *, then: str) -> None:
    """Click a button two times in a row, as one does on a desk; `then`: what one reads next."""
    page.get_by_role("button", name=name, exact=True).first.dblclick()
    page.locator("h1, [role=status]").get_by_text(then).first.wait_for()


def test_a_form_that_is_pressed_twice_and_gone_back_in_books_once(
    walk: Walk, visitor: Visitor, address: str, database: Database
) -> None:
    visitor.reach("plan")
    page = walk.page
    page.goto(f"{address}{visitor.base}/plan")

    press_twice(page, "Take these times", then="Your name and phone")
    page.go_back()
    assert heading(page) == "Your proposed course"
    page.reload()
    page.go_forward()
    for field in ("name", "phone"):
        page.locator(f"#{field}").fill(visitor.details[field])
    press_twice(page, "Text me the code", then="The code from your phone")
    page.locator("#code").fill(visitor.code())
    press_twice(page, "Book my course", then="Your course is booked")

    page.go_back()
    page.go_back()
    page.reload()
    assert heading(page) == "Your course is booked"
    assert count(database, Course) == 1
    assert walk.complaints == []


def test_times_whose_keeping_is_over_are_had_again_where_they_are_free(
    walk: Walk, visitor: Visitor, address: str, clock: FrozenClock, database: Database
) -> None:
    visitor.reach("plan")
    page = walk.page
    page.goto(f"{address}{visitor.base}/plan")
    before = page.locator(".when").all_inner_texts()
    assert "We keep these times for you until 7:10" in page.locator("main").inner_text()

    clock.move(minutes=11)
    page.reload()
    assert "ten minutes, which are over" in page.locator("main").inner_text()
    walk.press("Take these times")
    assert "We keep these times for you until 7:21" in page.locator("main").inner_text()
    page.go_back()
    page.reload()
    assert page.locator(".when").all_inner_texts() == before

    walk.press("Take these times")
    for field in ("name", "phone"):
        page.locator(f"#{field}").fill(visitor.details[field])
    walk.press("Text me the code")
    code = visitor.code()
    clock.move(minutes=11)
    page.locator("#code").fill(code)
    walk.press("Book my course")
    assert "Please ask for a new one" in page.locator("#errors").inner_text()
    page.get_by_text("No text came").click()
    walk.press("Text me a new code")
    page.locator("#code").fill(visitor.code())
    walk.press("Book my course")
    assert heading(page) == "Your course is booked"
    assert count(database, Course) == 1


def test_an_old_window_of_the_form_shows_how_things_are(
    walk: Walk, visitor: Visitor, address: str, database: Database
) -> None:
    visitor.reach("plan")
    plan, change, wishes = (
        walk.page.context.new_page() if number else walk.page for number in range(3)
    )
    plan.goto(f"{address}{visitor.base}/plan")
    change.goto(f"{address}{visitor.base}/plan/3")
    change.locator("[name=slot]").first.check()
    wishes.goto(f"{address}{visitor.base}/wishes")
    visitor.post("plan")
    visitor.post("details", visitor.details)
    visitor.type_code()

    for old, button in (
        (plan, "Take these times"),
        (change, "Take this time"),
        (wishes, "Show me the times"),
    ):
        old.get_by_role("button", name=button).first.click()
        old.wait_for_load_state()
        assert heading(old) == "Your course is booked"
    assert count(database, Course) == 1


def test_an_old_window_of_the_course_shows_how_things_are(
    walk: Walk, visitor: Visitor, address: str, database: Database
) -> None:
    visitor.reach("done")
    my = f"{address}{visitor.my()}"
    first, cancel, move = (
        walk.page.context.new_page() if number else walk.page for number in range(3)
    )
    first.goto(my)
    cancel.goto(f"{address}{visitor.session(1)}/cancellation")
    move.goto(f"{address}{visitor.session(1)}/move")
    move.locator("[name=slot]").last.check()
    other = walk.page.context.new_page()
    other.goto(f"{address}{visitor.session(1)}/move")
    other.locator("[name=slot]").first.check()
    other.get_by_role("button", name="Take this time").click()
    assert "Session 1 is now on" in told(other)
    now = other.locator(".next .figure").inner_text()
    before = states(database)

    for old, button in (
        (first, "I will come"),
        (cancel, "Cancel this session"),
        (move, "Take this time"),
    ):
        old.get_by_role("button", name=button).click()
        old.wait_for_load_state()
        assert "This session is at another time now, so nothing was changed" in told(old)
        assert old.locator(".next .figure").inner_text() == now

    assert states(database) == before


def test_a_course_that_is_pressed_twice_is_changed_once(
    walk: Walk, visitor: Visitor, address: str, database: Database
) -> None:
    visitor.reach("done")
    page, my = walk.page, f"{address}{visitor.my()}"
    page.goto(my)

    press_twice(page, "I will come", then="We look forward to seeing you")
    page.goto(f"{address}{visitor.session(2)}/cancellation")
    press_twice(page, "Cancel this session", then="is cancelled")
    press_twice(page, "Take it back", then="All is as it was before.")
    page.go_back()
    page.reload()

    assert states(database) == ["confirmed", *["booked"] * 9]
    assert walk.complaints == []
