"""The private page of a course, and an offered time."""

from playwright.sync_api import Page

from tests.web.states.scene import Scene, send, send_last, state, unfold


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
