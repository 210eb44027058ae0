"""Following a course in a real Chromium, without JavaScript, on a desk and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.models import Appointment
from scheduler.clinic.models import Treatment
from scheduler.progress import scores
from tests.builders.clock import FrozenClock
from tests.support.chaos import only_in_chaos
from tests.web.browser.walk import ALL_PICTURES, DESK, PHONE, Equipped, Walk, walking
from tests.web.conftest import Visitor

LOOKS = {"desk": DESK, "phone": PHONE._replace(language="es")}
if ALL_PICTURES:
    LOOKS |= {"night": Equipped(scheme="dark"), "day": Equipped(width=320)}


@pytest.fixture(params=["phone", *only_in_chaos(*sorted(LOOKS.keys() - {"phone"}))])
def walk(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """An English reader at a desktop by day, or a Spanish reader with a small phone by night."""
    with walking(browser, f"following-{request.param}", LOOKS[request.param]) as walk:
        yield walk


def test_a_course_is_followed_without_scripts(
    walk: Walk, address: str, visitor: Visitor, clock: FrozenClock
) -> None:
    live_through_four(visitor, clock)
    if "phone" in walk.name:
        visitor.post(f"{visitor.my()}/language", {"language": "es"})
    my = f"{address}{visitor.my()}"

    walk.page.goto(my)
    walk.look("01-asked")
    walk.page.locator(".scale").get_by_text("4", exact=True).click()
    walk.go(walk.page.locator("form:has(.scale) button"))
    expect(walk.page.locator("[role=status]")).to_have_count(1)
    walk.page.locator("#progress summary").click()
    walk.look("02-scored")
    walk.page.goto(f"{my}/scores")
    walk.look("03-scores")
    walk.page.goto(f"{my}/advice")
    walk.look("04-advice")
    choose_texts(walk, my)
    write(walk, my)
    lose_the_link(walk, address)

    assert walk.strangers(address) == []
    assert walk.complaints == []


def choose_texts(walk: Walk, my: str) -> None:
    walk.page.goto(f"{my}/texts")
    walk.look("05-texts")
    for wish in ("none", "fewer"):
        walk.page.check(f"[name=texts][value={wish}]")
        walk.go(walk.page.locator("main form button"))
        expect(walk.page.locator("[role=status]")).to_have_count(1)
        walk.look(f"06-texts-{wish}")


def write(walk: Walk, my: str) -> None:
    walk.page.goto(f"{my}/message")
    walk.look("07-message")
    for words, what in (
        ("", "empty"),
        ("Can I bring my dog?", "left"),
        ("I can't breathe", "danger"),
    ):
        walk.page.goto(f"{my}/message")
        walk.page.locator("#message").fill(words)
        walk.go(walk.page.locator("main form button"))
        walk.look(f"08-message-{what}")
    assert "911" in walk.page.locator("[role=alert] h1").inner_text()


def lose_the_link(walk: Walk, address: str) -> None:
    walk.page.goto(f"{address}/my/nothing")
    walk.look("09-nothing")
    walk.go(walk.page.locator("main a[href^='/lost-link']"))
    walk.look("10-lost-link")
    for number, what in (("12", "wrong"), ("202-555-0155", "asked")):
        walk.page.locator("#phone").fill(number)
        walk.go(walk.page.locator("main form button"))
        walk.look(f"11-lost-link-{what}")
    expect(walk.page.locator("form")).to_have_count(0)


def live_through_four(visitor: Visitor, clock: FrozenClock) -> None:
    """Book, and come to four sessions; three have their numbers, and the fourth was yesterday."""
    with visitor.database.transaction() as session:
        session.get_one(Treatment, visitor.cast.back).review_after = [4]
    visitor.reach("done")
    visitor.my()
    clock.move(days=32, hours=4)
    with visitor.database.transaction() as session:
        came = session.exec(select(Appointment).order_by(col(Appointment.number)).limit(3)).all()
        for appointment, value in zip(came, (7, 8, 5), strict=True):
            scores.record(session, OPERATOR, appointment, value=value, now=clock.at)
