"""The public pages, and the error pages."""

from playwright.sync_api import Page

from scheduler.clinic.models import Clinic, Practitioner, Treatment
from tests.web.conftest import Visitor
from tests.web.states.scene import Scene, send, state


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
    for practitioner in (scene.cast.ana, scene.cast.ben):
        scene.change(Practitioner, practitioner, active=False)
    return f"/treatments/{scene.cast.back}"


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
