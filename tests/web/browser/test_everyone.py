"""Every page in every state works for everyone: judge.py says what that means, states/ which.

In English each structure of a page is judged whole: axe, keyboard, layout. Its other states differ
in words, and are judged whole in `make chaos`. Spanish words are longer, so in Spanish the layout
of every state is judged.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.builders.clock import FrozenClock
from tests.web.browser.judge import NIGHT, WIDE, Judge
from tests.web.conftest import Visitor
from tests.web.states import STATES, Scene, State

LOCALES = {"en": "en-US", "es": "es-MX"}


@pytest.fixture
def tongue() -> str:
    """The language that is read."""
    return "en"


_windows: dict[tuple[Browser, str], Page] = {}
"""One window per language. Opening one, and parsing all of axe again, takes longer than the checks;
so it is reused for many tests."""


@pytest.fixture
def reader(browser: Browser, tongue: str) -> Iterator[Page]:
    """A reader of one language, with a browser that remembers nothing.

    Each test has its own origin, by its port, so no storage or cache is shared. Cookies ignore
    ports.
    """
    page = _windows.get((browser, tongue))
    if page is None or page.is_closed():
        context = browser.new_context(locale=LOCALES[tongue])
        context.set_default_timeout(20_000)
        page = _windows[browser, tongue] = context.new_page()
    page.set_viewport_size({"width": WIDE, "height": 720})
    page.emulate_media(color_scheme="light")
    page.context.clear_cookies()
    yield page
    page.unroute_all()
    for window in page.context.pages:
        if window is not page:
            window.close()


@pytest.fixture
def scene(
    visitor: Visitor, database: Database, cast: Cast, clock: FrozenClock, tongue: str
) -> Scene:
    """A clinic before anything has happened, and a visitor who reads one language."""
    visitor.client.headers["Accept-Language"] = LOCALES[tongue]
    return Scene(visitor, database, cast, clock, tongue)


VARIATIONS = {
    "my course",
    "my course, confirmed",
    "my course, a message",
    "my course, a number is given",
    "cancel a session, late",
    "cancel the whole course",
    "cancel the whole course, late",
    "move a session, too late",
    "move the rest",
    "offer, turned down",
    "offer, no more wanted",
    "offer, gone",
    "screening",
    "wishes",
    "wishes, a day that is past",
    "wishes, no plan",
    "plan",
    "plan, no longer kept",
    "plan, no time chosen",
    "plan, another of the whole",
    "details",
    "code",
    "code, texted again",
    "done",
    "done, no texts wanted",
    "wait for a course",
    "wait for a course, the code",
    "wait for a course, a new code",
    "waiting, its address texted",
    "waiting no more",
    "waits for an earlier time",
    "treatment that nobody gives",
    "not to be opened like that",
    "too many codes",
}
"""States with the structure of another state, which stands for them in `make test`."""

states = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
structures = pytest.mark.parametrize(
    "state",
    [
        pytest.param(state, marks=[pytest.mark.chaos] if state.name in VARIATIONS else [])
        for state in STATES
    ],
    ids=lambda state: state.name,
)


def open_page(reader: Page, address: str, state: State, scene: Scene) -> Judge:
    judge = Judge(reader, address)
    reader.goto(address + state.reach(scene))
    if state.press is not None:
        state.press(reader)
        reader.wait_for_load_state()
    return judge


def test_variations_are_states() -> None:
    assert {state.name for state in STATES} >= VARIATIONS


@structures
def test_each_page_is_for_everyone(state: State, scene: Scene, reader: Page, address: str) -> None:
    judge = open_page(reader, address, state, scene)

    assert judge.verdict() == []
    assert reader.locator("html").get_attribute("lang") == "en"


@states
@pytest.mark.parametrize("tongue", ["es"])
def test_each_page_has_room_for_spanish(
    state: State, scene: Scene, reader: Page, address: str, tongue: str
) -> None:
    judge = open_page(reader, address, state, scene)

    assert judge.layout(NIGHT) == []
    assert reader.locator("html").get_attribute("lang") == "es"


FAULTS = {
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "color-contrast": '<p style="color:#ccc;background:#fff">Pale</p>',
    "320 dark: the page scrolls sideways": '<p style="width:600px">Wide</p>',
    "1280 light: BUTTON of": '<button style="width:10px;height:10px;padding:0">x</button>',
    "320 spaced: cut off": '<p style="height:1.2em;overflow:hidden;line-height:1.2">High</p>',
    '"Above" lies on "Below"': '<p>Above</p><p style="margin:-2em 0 0">Below</p>',
    "the focus cannot be seen": '<a href="#" style="outline:none">Where?</a>',
    "Tab does not reach": '<button tabindex="-1">Never</button>',
    "asked another host": '<img alt="" src="http://127.0.0.1:9/there.png">',
    "weighs": f"<p hidden>{'x' * 60_000}</p>",
    "a script failed": "<script>nothing.at.all</script>",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_judge_sees(fault: str, reader: Page) -> None:
    page = (
        "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1>"
        f"{FAULTS[fault]}</main>"
    )
    reader.route(
        "http://judge.example/", lambda route: route.fulfill(body=page, content_type="text/html")
    )
    judge = Judge(reader, "http://judge.example")
    reader.goto("http://judge.example/")

    assert any(fault in finding for finding in judge.verdict()), judge.verdict()
