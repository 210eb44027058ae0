"""The code is filled in from the text where a browser can; nothing is sent before one says so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.web.browser.walk import PHONE, Walk, walking
from tests.web.conftest import Visitor
from tests.web.waitlist.test_routes import refused

# A phone that has the text already, or none for now: desktops have no texts to read.
READS = """answer => {
    window.OTPCredential = class {};
    navigator.credentials.get = asked => {
        window.asked = asked;
        if (answer) return Promise.resolve({ code: answer });
        return new Promise((_, no) => asked.signal.addEventListener("abort", () => {
            sessionStorage.setItem("over", "yes");
            no(new DOMException("over", "AbortError"));
        }));
    };
}"""


@pytest.fixture
def walk(browser: Browser) -> Iterator[Walk]:
    """A patient with a phone that runs scripts."""
    with walking(browser, "code", PHONE._replace(scripts=True)) as walk:
        yield walk


def read_texts(walk: Walk, code: str) -> None:
    """Let the phone read texts; an empty code: none comes."""
    walk.page.add_init_script(f"({READS})('{code}')")


@pytest.mark.parametrize("waits", [False, True], ids=["to book", "to wait"])
def test_the_code_is_filled_in_and_one_presses_the_button_oneself(
    walk: Walk, visitor: Visitor, address: str, waits: bool
) -> None:
    if waits:
        refused(visitor, visitor.database)
        visitor.post("waitlist", dict(visitor.details))
    else:
        visitor.reach("code")
    read_texts(walk, visitor.code())

    walk.page.goto(f"{address}{visitor.base}/{'waitlist/' if waits else ''}code")

    walk.page.wait_for_function("document.getElementById('code').value.length === 6")
    assert walk.page.evaluate("asked.otp.transport") == ["sms"]
    assert walk.page.url.endswith("/code"), "nothing was sent"
    walk.page.locator("main form button").first.click()
    walk.page.wait_for_url("**/waiting/*" if waits else "**/done")
    assert walk.complaints == []


def test_who_types_is_quicker_and_the_browser_stops_looking(
    walk: Walk, visitor: Visitor, address: str
) -> None:
    visitor.reach("code")
    read_texts(walk, "")
    walk.page.goto(f"{address}{visitor.base}/code")

    walk.page.locator("#code").fill(visitor.code())
    walk.press("Book my course")

    walk.page.wait_for_url("**/done")
    assert walk.page.evaluate("sessionStorage.getItem('over')") == "yes"
    assert walk.complaints == []


def test_a_browser_that_cannot_read_texts_says_nothing(
    walk: Walk, visitor: Visitor, address: str
) -> None:
    visitor.reach("code")

    walk.page.goto(f"{address}{visitor.base}/code")

    assert walk.page.locator("#code").input_value() == ""
    assert walk.complaints == []


def test_only_the_pages_with_a_code_may_run_anything_and_only_files_of_ours(
    visitor: Visitor,
) -> None:
    visitor.reach("code")

    policies = {
        step: visitor.get(step).headers["content-security-policy"]
        for step in ("screening", "wishes", "plan", "details", "code")
    }

    assert "script-src 'self';" in policies.pop("code")
    assert not [step for step, policy in policies.items() if "script-src" in policy]
    assert "<script" not in visitor.get("details").text
