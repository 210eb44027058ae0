"""The booking form, its other plans, and waiting where there is none."""

from datetime import date

from playwright.sync_api import Page

from scheduler.clinic.models import Practitioner
from scheduler.worker import Worker
from tests.builders.clock import FrozenClock
from tests.builders.world import Paper
from tests.web.conftest import KEY
from tests.web.states.scene import Scene, no_phone, send, state, unfold, wrong_code
from tests.web.waitlist.test_routes import join, refused


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
    for practitioner in (scene.cast.ana, scene.cast.ben):
        scene.change(Practitioner, practitioner, license_expires_on=date(2027, 2, 3))
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


@state("wait for a course, a new code", press=unfold)
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    scene.visitor.post("waitlist", dict(scene.visitor.details))
    scene.clock.move(minutes=2)
    scene.visitor.post("waitlist/code/again")
    return f"{scene.visitor.base}/waitlist/code"


@state("waiting")
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    return join(scene.visitor)


@state("waiting, its address texted")
def _(scene: Scene) -> str:
    refused(scene.visitor, scene.database)
    address = join(scene.visitor)
    paper = Paper(FrozenClock(scene.clock.at))
    Worker(scene.database, paper, scene.clock, key=KEY, public_url="http://testserver").tick()
    return address


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
