"""A course changed in a real Chromium: confirmed, moved, taken back, moved on, cancelled.

With scripts and without: no page needs one, and none may break what a browser does.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from sqlmodel import col, select

from scheduler.booking.models import Appointment
from scheduler.storage.database import Database
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import ALL_PICTURES, PHONE, Equipped, Walk, walking
from tests.web.conftest import Visitor

LOOKS = {
    "desk": Equipped(scripts=True),
    "phone": PHONE,
    "spanish-desk": Equipped(language="es", scheme="dark"),
    "spanish-phone": Equipped(scripts=True, width=320, language="es"),
}
if ALL_PICTURES:
    LOOKS |= {"night": Equipped(scheme="dark"), "day": Equipped(scripts=True, width=320)}


@pytest.fixture(params=["desk", "phone", *only_in_chaos(*sorted(LOOKS.keys() - {"desk", "phone"}))])
def look(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def walk(browser: Browser, look: str, visitor: Visitor) -> Iterator[Walk]:
    """A patient at a desktop or with a small phone who has booked in one of the languages."""
    visitor.client.headers["Accept-Language"] = LOOKS[look].language
    with walking(browser, f"changes-{look}", LOOKS[look]) as walk:
        yield walk


def times(database: Database) -> list[tuple[str, str]]:
    """Wall time and state of each session, in order."""
    with database.transaction(write=False) as session:
        found = session.exec(select(Appointment).order_by(col(Appointment.number))).all()
        return [(match.wall_time, match.state) for match in found]


def test_a_course_is_changed_with_scripts_and_without(
    walk: Walk, look: str, address: str, visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")
    page, my = walk.page, f"{address}{visitor.my()}"
    said = page.locator("[role=status]")

    page.goto(my)
    assert page.locator("html").get_attribute("lang") == LOOKS[look].language
    walk.press("I will come")
    confirmed = times(database)
    assert confirmed[0][1] == "confirmed"

    open_session(walk, visitor, 2, "move")
    walk.look("01-move")
    page.locator("label.pick").first.click()
    walk.press("Take this time")
    moved_to = walk.word("Session %(number)s is now on %(when)s.") % {"number": 2, "when": "|"}
    assert said.inner_text().startswith(moved_to.split("|")[0])
    walk.look("02-moved")
    moved = times(database)
    assert moved[1] != confirmed[1]
    page.reload()
    page.go_back()
    page.go_forward()
    assert times(database) == moved, "going back and reloading does nothing"

    walk.press("Take it back")
    assert said.inner_text() == walk.word("All is as it was before.")
    walk.look("03-taken-back")
    assert times(database) == confirmed

    move_the_rest(walk, visitor, database)
    cancel_and_take_back(walk, visitor, database)

    page.goto(f"{my}/sessions/1/move")  # a page of before, about a session that is elsewhere now
    assert said.inner_text() == walk.word(
        "This session is at another time now, so nothing was changed. This is your course as it is."
    )
    walk.look("11-overtaken")
    assert walk.strangers(address) == []
    assert walk.complaints == []


def open_session(walk: Walk, visitor: Visitor, number: int, deed: str) -> None:
    """Press the link of a session in the list of all."""
    walk.go(walk.page.locator(f"a[href='{visitor.session(number)}/{deed}']").last)


def move_the_rest(walk: Walk, visitor: Visitor, database: Database) -> None:
    page, before = walk.page, times(database)
    open_session(walk, visitor, 3, "move")
    walk.press("Move this session and all after it")
    walk.look("04-rest")
    walk.go(page.locator("a[href*='/rest?start_on=']").nth(1))  # two weeks later
    page.locator("summary").click()
    walk.look("05-rest-shown")
    assert times(database) == before, "only shown"
    walk.press("Take these times")
    walk.look("06-rest-moved")
    rest = times(database)
    assert rest[:2] == before[:2]
    assert all(after > earlier for earlier, after in zip(before[2:], rest[2:], strict=True))


def cancel_and_take_back(walk: Walk, visitor: Visitor, database: Database) -> None:
    before = times(database)
    open_session(walk, visitor, 4, "cancellation")
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
