"""Where a state of a page is played, and how one is entered into the table of all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor
from tests.web.waitlist.test_offers import offered


@dataclass
class Scene:
    """Where a state is played: a clinic, a visitor who has filled nothing yet, a clock."""

    visitor: Visitor
    database: Database
    cast: Cast
    clock: FrozenClock
    tongue: str = "en"

    def change(self, table: type[Any], row_id: int, **values: object) -> None:
        """Give a row other values."""
        with self.database.transaction() as session:
            row = session.get_one(table, row_id)
            for name, value in values.items():
                setattr(row, name, value)

    def at(self, step: str) -> str:
        """Fill the form up to a step; its address."""
        self.visitor.begin_at(step)
        return f"{self.visitor.base}/{step}"

    def mine(self) -> str:
        """Book a course; the address of its private page."""
        self.visitor.begin_at("done")
        return self.visitor.my()

    def offered(self) -> str:
        """Offer Ann a time; the address of the offer."""
        self.change(Patient, self.cast.ann, language=self.tongue)
        return offered(self.database, self.cast, self.cast.ann)


@dataclass(frozen=True)
class State:
    """One page in one state. `reach`: brings the scene there, and returns the address.

    `press`: what to do in the browser once it is there; None: nothing.
    """

    name: str
    reach: Callable[[Scene], str]
    press: Callable[[Page], None] | None = None


STATES: list[State] = []


def state(name: str, *, press: Callable[[Page], None] | None = None) -> Callable[[Any], Any]:
    """Enter a way to a state into the table."""

    def enter(reach: Callable[[Scene], str]) -> Callable[[Scene], str]:
        STATES.append(State(name, reach, press))
        return reach

    return enter


def send(page: Page) -> None:
    """Press the first button of the page's own form."""
    page.locator("main form button").first.click()


def send_last(page: Page) -> None:
    """Press the last button of the page's own forms."""
    page.locator("main form button").last.click()


def wrong_code(page: Page) -> None:
    """Type digits that were never texted."""
    page.locator("#code").fill("000000")
    send(page)


def no_phone(page: Page) -> None:
    """Give a name and no telephone."""
    page.locator("#name").fill("Ada Example")
    send(page)


def unfold(page: Page) -> None:
    """Open whatever is folded up."""
    for fold in page.locator("summary").all():
        fold.click()
