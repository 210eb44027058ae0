"""A course changed in a real Chromium: confirmed, moved, taken back, moved on, cancelled.

With scripts and without: no page needs one, and none may get in the way of what a browser does.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from sqlmodel import col, select

from scheduler.booking.models import Appointment
from scheduler.database import Database
from tests.web.conftest import Visitor
from tests.web.walk import ALL_PICTURES, PHONE, Equipped, Walk, walking

LOOKS = {"desk": Equipped(scripts=True), "phone": PHONE}
if ALL_PICTURES:
    LOOKS |= {"night": Equipped(scheme="dark"), "day": Equipped(scripts=True, width=320)}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough to look at pages."""
    return sqlite_url


@pytest.fixture(params=LOOKS)
def walk(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """Somebody at a desk by day, or with a small phone by night and without scripts."""
    with walking(browser, f"changes-{request.param}", LOOKS[request.param]) as walk:
        yield walk


def times(database: Database) -> list[tuple[str, str]]:
    """Wall time and state of each session, in order."""
    with database.transaction(write=False) as session:
        found = session.exec(select(Appointment).order_by(col(Appointment.number))).all()
        return [(each.wall_time, each.state) for each in found]


def test_a_course_is_changed_with_scripts_and_without(
    walk: Walk, address: str, visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")
    page, my = walk.page, f"{address}{visitor.my()}"
    said = page.locator("[role=status]")

    page.goto(my)
    walk.press("I will come")
    confirmed = times(database)
    assert confirmed[0][1] == "confirmed"

    page.get_by_role("link", name="Move session 2, ").click()
    walk.look("01-move")
    page.locator("label.pick").first.click()
    walk.press("Take this time")
    assert "Session 2 is now on" in said.inner_text()
    walk.look("02-moved")
    moved = times(database)
    assert moved[1] != confirmed[1]
    page.reload()
    page.go_back()
    page.go_forward()
    assert times(database) == moved, "going back and reloading does nothing"

    walk.press("Take it back")
    assert said.inner_text() == "All is as it was before."
    walk.look("03-taken-back")
    assert times(database) == confirmed

    move_the_rest(walk, database)
    cancel_and_take_back(walk, database)

    page.goto(f"{my}/sessions/1/move")  # a page of before, about a session that is elsewhere now
    assert "This session is at another time now" in said.inner_text()
    walk.look("11-overtaken")
    assert walk.strangers(address) == []
    assert walk.complaints == []


def move_the_rest(walk: Walk, database: Database) -> None:
    page, before = walk.page, times(database)
    page.get_by_role("link", name="Move session 3, ").click()
    walk.press("Move this session and all after it")
    walk.look("04-rest")
    walk.press("2 weeks later")
    page.locator("summary").click()
    walk.look("05-rest-shown")
    assert times(database) == before, "only shown"
    walk.press("Take these times")
    walk.look("06-rest-moved")
    rest = times(database)
    assert rest[:2] == before[:2]
    assert all(after > earlier for earlier, after in zip(before[2:], rest[2:], strict=True))


def cancel_and_take_back(walk: Walk, database: Database) -> None:
    page, before = walk.page, times(database)
    page.get_by_role("link", name="Cancel session 4, ").click()
    walk.look("07-cancel")
    walk.press("Cancel this session")
    walk.look("08-cancelled")
    assert [state for _, state in times(database)].count("cancelled") == 1
    walk.press("Take it back")
    assert times(database) == before

    walk.press("Cancel the whole course")
    walk.look("09-cancel-all")
    walk.press("Cancel my course")
    walk.look("10-all-cancelled")
    assert {state for _, state in times(database)} == {"cancelled"}
    walk.press("Take it back")
    assert times(database) == before
