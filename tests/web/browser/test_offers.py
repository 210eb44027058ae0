"""An offered time accepted in a real Chromium, on all kinds of devices."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import Equipped, Walk, walking
from tests.web.waitlist.test_offers import offered, rows, sessions

LOOKS = {
    "desk": Equipped(scripts=True),
    "phone": Equipped(width=320, scheme="dark"),
    "desk in Spanish": Equipped(language="es", scheme="dark"),
    "phone in Spanish": Equipped(scripts=True, width=320, language="es"),
}


@pytest.fixture(params=["desk", "phone", *only_in_chaos("desk in Spanish", "phone in Spanish")])
def equipped(request: pytest.FixtureRequest) -> Equipped:
    return LOOKS[request.param]


@pytest.fixture
def walk(browser: Browser, equipped: Equipped) -> Iterator[Walk]:
    """A patient who was offered another time by text."""
    name = f"offer-{equipped.language}-{equipped.width}"
    with walking(browser, name, equipped) as walk:
        yield walk


def test_a_time_that_became_free_is_taken(
    walk: Walk, equipped: Equipped, address: str, database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        session.get_one(Patient, cast.ann).language = equipped.language
    offer, page = offered(database, cast, cast.ann), walk.page

    page.goto(f"{address}{offer}")
    walk.look("01-open")
    expect(page.locator("html")).to_have_attribute("lang", equipped.language)
    page.reload()
    assert sessions(database) == ["2027-02-23T10:00"], "looking takes nothing"

    page.locator("form[action$='/acceptance'] button").dblclick()
    expect(page.locator("form[action$='/course'] button")).to_be_visible()
    walk.look("02-taken")
    assert rows(database) == [("accepted", "taken")]
    assert sessions(database) == ["2027-02-22T09:00"]

    page.locator("form[action$='/course'] button").click()
    page.wait_for_url("**/my/**")
    walk.look("03-my")
    assert "9:00" in page.locator("main").inner_text()
    assert walk.strangers(address) == []
    assert walk.complaints == []
