"""Texts that are programs in disguise: no page runs them, in a real Chromium with JavaScript on.

All text columns are filled with them, directly in the database, past all checks; then every page
that shows any of them is opened.
"""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from markupsafe import escape
from playwright.sync_api import Browser
from sqlalchemy import Column, String
from sqlmodel import SQLModel, col, select
from sqlmodel.sql.sqltypes import AutoString

from scheduler.booking.models import Course
from scheduler.clinic.models import Treatment
from scheduler.storage.database import Database
from tests.api.conftest import Desk, key_for
from tests.builders.clock import FrozenClock
from tests.web.browser.walk import PHONE, Walk, walking
from tests.web.conftest import Visitor
from tests.web.waitlist.test_offers import offered
from tests.web.waitlist.test_routes import join, refused

HOSTILE = (
    "<script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=1">',
    "' onfocus='window.ran=1' autofocus x='",
    "</title><svg onload=window.ran=1>",
    "javascript:window.ran=1",
    "'-(window.ran=1)-'",
    "{{7*7}}${7*7}{% raw %}{# #}%(name)s {0.__class__}",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "</style></textarea><iframe srcdoc='<script>parent.ran=1</script>'>",
    "\u202egnp.exe\u2066\u200f",
    "W" * 300,
)
ALL = (" ".join(HOSTILE), " ".join(reversed(HOSTILE)))

LONG = 80
"""A column of this length is for words, unless it is named here."""
NO_WORDS = {
    *("appointments.hands", "idempotency_keys.owner", "idempotency_keys.key"),
    *("installation.public_url", "members.email", "members.password_hash", "messages.key"),
}
SHORT_WORDS = {"clinics.text_name", "practitioners.license_number", "mass_texts.decided_by"}
NAMES = {"clinics.name", "practitioners.name", "rooms.name", "treatments.name"}
"""Which are within what the program says of a plan, and kept there."""

STEPS = ("screening", "wishes", "plan", "plan/3", "plans", "details", "code")
BELOW_MINE = ("", "/message", "/texts", "/scores", "/advice", "/cancellation")
BELOW_A_SESSION = ("move", "rest?start_on=2027-03-15", "cancellation", "earlier")


@pytest.fixture
def walk(browser: Browser) -> Iterator[Walk]:
    """A patient with a small phone, JavaScript on."""
    with walking(browser, "hostile", PHONE._replace(scripts=True)) as walk:
        yield walk


def columns() -> dict[str, Column[Any]]:
    """Every column in which there can be words of people, by "table.column"."""
    found = {
        f"{table.name}.{column.name}": column
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String | AutoString)
    }
    return {
        name: column
        for name, column in found.items()
        if name in SHORT_WORDS
        or ((getattr(column.type, "length", None) or LONG) >= LONG and name not in NO_WORDS)
    }


def write(database: Database, words: str, *, only: Collection[str] = ()) -> None:
    """Put words wherever there can be some, at the database, past what doors would refuse."""
    with database.transaction() as session:
        for name, column in columns().items():
            if not only or name in only:
                session.execute(column.table.update().values({column.name: words}))
        for treatment in session.exec(select(Treatment)):
            treatment.tips = {"before": words, "after": words}


def live(visitor: Visitor, clock: FrozenClock, words: str) -> list[str]:
    """A clinic with a long history; the addresses of all pages that show it."""
    database, cast = visitor.database, visitor.cast
    write(database, words, only=NAMES)
    again, waiting = (Visitor(visitor.client, database, cast) for _ in range(2))
    again.details["phone"], waiting.details["phone"] = "(202) 555-0156", "(202) 555-0157"
    again.reach("code")
    visitor.reach("done")
    my, third = visitor.my(), visitor.session(3)
    visitor.post(f"{my}/message", {"message": "Hello"})
    visitor.post(f"{visitor.session(2)}/cancellation")
    offer = offered(database, cast, cast.ann)
    refused(waiting, database)
    place = join(waiting)
    write(database, words)
    return [
        "/",
        f"/?clinic={cast.clinic}",
        f"/treatments/{cast.back}",
        f"/treatments/{cast.back}/advice",
        f"/door?treatment={cast.back}",
        "/lost-link",
        *(f"{again.base}/{step}" for step in STEPS),
        *(f"{waiting.base}/{step}" for step in ("wishes", "waitlist")),
        place,
        offer,
        f"{visitor.base}/done",
        *(f"{my}{page}" for page in BELOW_MINE),
        *(f"{third}/{page}" for page in BELOW_A_SESSION),
    ]


@pytest.mark.parametrize("words", ALL, ids=["in order", "the other way round"])
def test_no_words_of_anybody_run_on_a_page(
    walk: Walk, address: str, visitor: Visitor, clock: FrozenClock, words: str
) -> None:
    page, shown = walk.page, set()

    for path in live(visitor, clock, words):
        page.goto(f"{address}{path}")
        assert page.evaluate("window.ran") is None, path
        assert page.evaluate("document.querySelectorAll('[onerror], [onload]').length") == 0, path
        assert page.locator("script:not([src])").count() == 0, path
        # Chromium lays out what has no break within it; nothing may be pushed off the screen.
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE.width, path
        if HOSTILE[0] in page.locator("main").inner_text():
            shown.add(path)

    assert len(shown) > 15, "the words are there to be read"
    assert walk.complaints == []


def test_staff_read_the_words_as_data(visitor: Visitor, clock: FrozenClock) -> None:
    words = " ".join(HOSTILE[:2])
    live(visitor, clock, words)
    desk = Desk(visitor.client, key_for(visitor.database))
    with visitor.database.transaction(write=False) as session:
        course = session.exec(select(Course.id).order_by(col(Course.id))).first()

    for path, field in (
        ("/replies", "body"),
        ("/patients", "name"),
        ("/practitioners", "name"),
        ("/rooms", "name"),
        ("/treatments", "summary"),
        ("/clinics", "insurance_note"),
        ("/waitlist", "need_reason"),
        (f"/courses/{course}/messages", "text"),
    ):
        answer = desk.get(path)
        assert answer.headers["content-type"] == "application/json", path
        assert answer.headers["x-content-type-options"] == "nosniff"
        body = answer.json()
        items = body if isinstance(body, list) else body["items"]
        assert any(words in (item[field] or "") for item in items), path


def test_what_a_visitor_types_comes_back_as_they_typed_it(visitor: Visitor) -> None:
    visitor.reach("details")

    for typed in HOSTILE[:-1]:
        answer = visitor.post("details", {"name": typed, "phone": typed, "consent": "yes"})

        assert answer.status_code == 422
        assert answer.text.count(f'value="{escape(typed)}"') == 2
