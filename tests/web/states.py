"""Every page that a patient can come to, in every state: a name, and how to get there.

To add one: a function that brings the scene there and returns the address, under `@state`. What
has to be pressed in the browser itself (an answer to a POST has no address) goes into `pressing`.
All of them are judged by test_everyone.py, in each language.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from playwright.sync_api import Page

from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.database import Database
from scheduler.patients.models import Patient
from tests.cast import Cast
from tests.web.conftest import FrozenClock, Visitor
from tests.web.test_offers import offered
from tests.web.test_waiting import join, refused


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
        self.visitor.reach(step)
        return f"{self.visitor.base}/{step}"

    def mine(self) -> str:
        """Book a course; the address of its private page."""
        self.visitor.reach("done")
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
    for each in page.locator("summary").all():
        each.click()


# The pages that anybody may see.


@state("treatments")
def _(scene: Scene) -> str:
    return "/"


@state("treatments of two clinics")
def _(scene: Scene) -> str:
    with scene.database.transaction() as session:
        first = session.get_one(Clinic, scene.cast.clinic)
        second = Clinic(**first.model_dump(exclude={"id", "version"}) | {"name": "Elm Clinic"})
        session.add(second)
    return "/"


@state("treatment")
def _(scene: Scene) -> str:
    scene.change(
        Treatment,
        scene.cast.back,
        summary="For pain in the lower back that has lasted.",
        source="https://example.org/study",
        review_after=[4],
    )
    scene.change(Clinic, scene.cast.clinic, insurance_note="We send a bill that insurers accept.")
    return f"/treatments/{scene.cast.back}"


@state("treatment in the clinic's colour")
def _(scene: Scene) -> str:
    scene.change(Clinic, scene.cast.clinic, accent="#7a1f5c")
    return f"/treatments/{scene.cast.back}"


@state("lost link")
def _(scene: Scene) -> str:
    return "/lost-link"


@state("poster for the door")
def _(scene: Scene) -> str:
    return f"/door?clinic={scene.cast.clinic}"


@state("treatment that nobody gives")
def _(scene: Scene) -> str:
    for who in (scene.cast.ana, scene.cast.ben):
        scene.change(Practitioner, who, active=False)
    return f"/treatments/{scene.cast.back}"


# The booking form.


@state("screening")
def _(scene: Scene) -> str:
    return scene.at("screening")


@state("screening, unanswered", press=send)
def _(scene: Scene) -> str:
    return scene.at("screening")


@state("wishes")
def _(scene: Scene) -> str:
    return scene.at("wishes")


def long_ago(page: Page) -> None:
    """Wish for a day that is past."""
    page.locator("#start_on").fill("2020-01-01")
    send(page)


@state("wishes, a day that is past", press=long_ago)
def _(scene: Scene) -> str:
    return scene.at("wishes")


@state("wishes, no plan", press=send)
def _(scene: Scene) -> str:
    address = scene.at("wishes")
    for who in (scene.cast.ana, scene.cast.ben):
        scene.change(Practitioner, who, license_expires_on=date(2027, 2, 3))
    return address


@state("plan")
def _(scene: Scene) -> str:
    return scene.at("plan")


@state("plan, with compromises")
def _(scene: Scene) -> str:
    scene.visitor.wishes = {
        "start_on": "2027-02-22",
        "weekdays": ["1"],
        "hours": "morning",
        "practitioner_id": str(scene.cast.ben),
    }
    return scene.at("plan")


@state("plan, no longer kept")
def _(scene: Scene) -> str:
    address = scene.at("plan")
    scene.clock.move(minutes=15)
    return address


@state("plan, other times for a session")
def _(scene: Scene) -> str:
    scene.at("plan")
    return f"{scene.visitor.base}/plan/3"


@state("plan, no time chosen", press=send)
def _(scene: Scene) -> str:
    scene.at("plan")
    return f"{scene.visitor.base}/plan/3"


@state("details")
def _(scene: Scene) -> str:
    return scene.at("details")


@state("details, unreadable", press=no_phone)
def _(scene: Scene) -> str:
    return scene.at("details")


@state("code")
def _(scene: Scene) -> str:
    return scene.at("code")


@state("code, unfolded", press=unfold)
def _(scene: Scene) -> str:
    return scene.at("code")


@state("code, wrong", press=wrong_code)
def _(scene: Scene) -> str:
    return scene.at("code")


@state("code, texted again")
def _(scene: Scene) -> str:
    address = scene.at("code")
    scene.clock.move(minutes=2)
    scene.visitor.post("code/again")
    return address


@state("done")
def _(scene: Scene) -> str:
    return scene.at("done")


@state("done, unfolded", press=unfold)
def _(scene: Scene) -> str:
    return scene.at("done")


@state("done, to be looked at")
def _(scene: Scene) -> str:
    scene.visitor.health["blood_thinners"] = "yes"
    return scene.at("done")


@state("done, no texts wanted")
def _(scene: Scene) -> str:
    del scene.visitor.details["consent"]
    return scene.at("done")


# The private page of a course.


@state("my course")
def _(scene: Scene) -> str:
    return scene.mine()


@state("my course, unfolded", press=unfold)
def _(scene: Scene) -> str:
    return scene.mine()


@state("my course, confirmed")
def _(scene: Scene) -> str:
    my = scene.mine()
    scene.visitor.post(f"{scene.visitor.session(1)}/confirmation")
    return f"{my}?said=confirmed"


@state("my course, one cancelled")
def _(scene: Scene) -> str:
    my = scene.mine()
    scene.visitor.post(f"{scene.visitor.session(2)}/cancellation")
    return f"{my}?said=cancelled"


@state("my course, to be looked at")
def _(scene: Scene) -> str:
    scene.visitor.health["blood_thinners"] = "yes"
    return scene.mine()


@state("my course, over")
def _(scene: Scene) -> str:
    my = scene.mine()
    scene.clock.move(days=70)
    return my


@state("cancel a session")
def _(scene: Scene) -> str:
    scene.mine()
    return f"{scene.visitor.session(3)}/cancellation"


@state("cancel a session, late")
def _(scene: Scene) -> str:
    scene.mine()
    scene.clock.move(days=20, hours=20)
    return f"{scene.visitor.session(1)}/cancellation"


@state("cancel the whole course")
def _(scene: Scene) -> str:
    return f"{scene.mine()}/cancellation"


@state("cancel the whole course, late")
def _(scene: Scene) -> str:
    my = scene.mine()
    scene.clock.move(days=20, hours=20)
    return f"{my}/cancellation"


@state("cancel the whole course, done", press=send_last)
def _(scene: Scene) -> str:
    return f"{scene.mine()}/cancellation"


@state("move a session")
def _(scene: Scene) -> str:
    scene.mine()
    return f"{scene.visitor.session(3)}/move"


@state("move a session, too late")
def _(scene: Scene) -> str:
    scene.mine()
    scene.clock.move(days=20, hours=20)
    return f"{scene.visitor.session(1)}/move"


@state("move a session, overtaken")
def _(scene: Scene) -> str:
    return f"{scene.mine()}/sessions/1/move"


@state("move the rest")
def _(scene: Scene) -> str:
    scene.mine()
    return f"{scene.visitor.session(3)}/rest"


@state("move the rest, shown", press=unfold)
def _(scene: Scene) -> str:
    scene.mine()
    return f"{scene.visitor.session(3)}/rest?start_on=2027-03-15"


@state("my course, a message")
def _(scene: Scene) -> str:
    return f"{scene.mine()}/message"


@state("my course, text settings")
def _(scene: Scene) -> str:
    return f"{scene.mine()}/texts"


@state("my course, is it helping")
def _(scene: Scene) -> str:
    my = scene.mine()
    scene.clock.move(days=23)
    return my


@state("my course, an empty message", press=send)
def _(scene: Scene) -> str:
    return f"{scene.mine()}/message"


@state("my course, a number is given", press=unfold)
def _(scene: Scene) -> str:
    scene.mine()
    scene.clock.move(days=23)
    return f"{scene.visitor.my()}/scores"


@state("advice to print")
def _(scene: Scene) -> str:
    return f"{scene.mine()}/advice"


@state("advice of a treatment")
def _(scene: Scene) -> str:
    return f"/treatments/{scene.cast.back}/advice"


# Other plans, and waiting for one.


@state("plan, another of the whole")
def _(scene: Scene) -> str:
    address = scene.at("plan")
    scene.visitor.post("replan", {"how": "week"})
    return address


@state("other plans")
def _(scene: Scene) -> str:
    scene.at("plan")
    return f"{scene.visitor.base}/plans"


@state("wishes, refused with remedies")
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    return f"{scene.visitor.base}/wishes"


@state("wait for a course")
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    return f"{scene.visitor.base}/waitlist"


@state("wait for a course, unreadable", press=no_phone)
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    return f"{scene.visitor.base}/waitlist"


@state("wait for a course, the code")
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    scene.visitor.post("waitlist", dict(scene.visitor.details))
    return f"{scene.visitor.base}/waitlist/code"


@state("waiting")
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    return join(scene.visitor)


@state("waiting no more", press=send)
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    return join(scene.visitor)


@state("wait for an earlier time")
def _(scene: Scene) -> str:
    scene.mine()
    return f"{scene.visitor.session(3)}/earlier"


@state("waits for an earlier time", press=send)
def _(scene: Scene) -> str:
    scene.mine()
    return f"{scene.visitor.session(3)}/earlier"


# An offered time.


@state("offer")
def _(scene: Scene) -> str:
    return scene.offered()


@state("offer, taken")
def _(scene: Scene) -> str:
    address = scene.offered()
    scene.visitor.post(f"{address}/acceptance")
    return address


@state("offer, turned down")
def _(scene: Scene) -> str:
    address = scene.offered()
    scene.visitor.post(f"{address}/decline")
    return address


@state("offer, no more wanted")
def _(scene: Scene) -> str:
    address = scene.offered()
    scene.visitor.post(f"{address}/withdrawal")
    return address


def say_yes_too_late(page: Page) -> None:
    """Say no in one window, and yes in another that has grown old."""
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("main form button").nth(1).click()
    other.close()
    send(page)


@state("offer, gone", press=say_yes_too_late)
def _(scene: Scene) -> str:
    return scene.offered()


# What goes wrong.


@state("not found")
def _(scene: Scene) -> str:
    return "/nowhere"


@state("not to be opened like that")
def _(scene: Scene) -> str:
    scene.at("code")
    return f"{scene.visitor.base}/code/again"


def same_phone(page: Page) -> None:
    """Give a phone to which a code has just been texted."""
    page.locator("#name").fill("Ada Example")
    page.locator("#phone").fill("(202) 555-0155")
    send(page)


@state("too many codes", press=same_phone)
def _(scene: Scene) -> str:
    scene.at("code")
    scene.visitor = Visitor(scene.visitor.client, scene.database, scene.cast)
    return scene.at("details")
