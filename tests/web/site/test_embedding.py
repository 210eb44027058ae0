"""The booking form embedded in a clinic's website, in its color; and the QR code for its door."""

import re
import threading
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Browser, Page

from scheduler.booking.models import Course
from scheduler.clinic.models import Clinic
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, count, text_of
from tests.web.waitlist.test_routes import refused

pytestmark = pytest.mark.slow

SITE = "https://www.example.org"
CSP = "content-security-policy"


@pytest.fixture
def listed(database: Database, cast: Cast) -> None:
    """The clinic has a website and a color."""
    with database.transaction() as session:
        clinic = session.get_one(Clinic, cast.clinic)
        clinic.embed_origins, clinic.accent = [SITE], "#7a1f5c"


class Website(BaseHTTPRequestHandler):
    """Shows whatever its query names in a frame."""

    def do_GET(self) -> None:
        """The page with the frame."""
        address = unquote(self.path.partition("?")[2])
        page = f'<!doctype html><title>Clinic</title><iframe src="{address}" width="380"></iframe>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Ends without waiting for connections that a browser has opened and not used yet."""

    daemon_threads = True
    block_on_close = False


@pytest.fixture
def websites() -> Iterator[list[str]]:
    """The addresses of two websites; a browser lets no page of the internet look at loopback."""
    servers = [Server(("127.0.0.1", 0), Website) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    yield [f"http://localhost:{server.server_port}" for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def own(database: Database, listed: None, cast: Cast, websites: list[str]) -> str:
    """The clinic's own website: the first of the two."""
    with database.transaction() as session:
        session.get_one(Clinic, cast.clinic).embed_origins = websites[:1]
    return websites[0]


@pytest.fixture
def site(browser: Browser) -> Iterator[Page]:
    """A browser to look at websites with."""
    context = browser.new_context(viewport={"width": 400, "height": 900}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def framed(page: Page, website: str, address: str) -> None:
    """Open a website with a page of ours in a frame."""
    page.goto(f"{website}/?{quote(address)}")


def shown(page: Page) -> bool:
    """Whether the frame shows a page of ours, and not the browser's refusal."""
    page.wait_for_load_state("networkidle")
    return page.frames[1].locator(".brand").count() == 1


def policies(visitor: Visitor, path: str) -> tuple[str, str | None]:
    headers = visitor.get(path).headers
    found = re.search(r"frame-ancestors ([^;]*)", headers["content-security-policy"])
    assert found is not None
    return found[1], headers.get("x-frame-options")


def test_only_the_form_may_be_framed_and_only_by_the_clinics_websites(
    visitor: Visitor, listed: None
) -> None:
    visitor.reach("done")
    again = Visitor(visitor.client, visitor.database, visitor.cast)
    again.reach("details")

    for path in (
        f"/?clinic={visitor.cast.clinic}",
        f"/treatments/{visitor.cast.back}",
        *(f"{again.base}/{step}" for step in ("screening", "wishes", "plan", "plan/1", "details")),
        f"{visitor.base}/done",
    ):
        assert policies(visitor, path) == (SITE, None), path
    for path in (visitor.my(), f"{visitor.session(1)}/cancellation", "/nowhere", "/health/live"):
        assert policies(visitor, path) == ("'none'", "DENY"), path


def test_no_link_of_a_framed_page_leads_to_a_page_that_the_frame_refuses(
    visitor: Visitor, listed: None
) -> None:
    visitor.reach("done")
    again = Visitor(visitor.client, visitor.database, visitor.cast)
    again.reach("details")
    waiting = Visitor(visitor.client, visitor.database, visitor.cast)
    refused(waiting, visitor.database)
    pages = [
        f"{waiting.base}/wishes",
        f"/?clinic={visitor.cast.clinic}",
        f"/treatments/{visitor.cast.back}",
        *(f"{again.base}/{step}" for step in ("wishes", "plan", "plan/1", "plans", "details")),
        f"{visitor.base}/done",
    ]
    seen = set()

    for page in pages:
        for tag, address in re.findall(r'(<a [^>]*href="(/[^"]*)"[^>]*>)', visitor.get(page).text):
            if 'target="_top"' not in tag and not address.startswith("/calendars/"):
                seen.add(address.partition("?")[0])
                assert policies(visitor, unescape(address))[0] == SITE, (page, address)
    assert len(seen) > 10


def test_who_meets_an_error_in_a_frame_can_read_it(
    site: Page, visitor: Visitor, own: str, address: str, clock: FrozenClock
) -> None:
    visitor.reach("wishes")
    framed(site, own, f"{address}{visitor.base}/wishes")
    clock.move(hours=25)

    site.frames[1].get_by_role("button", name="Show me the times").click()

    frame = site.frames[1]
    frame.get_by_role("heading", level=1, name="This page is not here").wait_for()
    frame.get_by_role("link", name="To the treatments").click()
    site.wait_for_url(f"{address}/?lang=en")


def test_an_error_page_that_may_be_framed_has_nothing_to_press_but_links(
    visitor: Visitor,
) -> None:
    visitor.reach("wishes")

    answers = [
        visitor.get("/book/nothing/plan"),
        visitor.get("code/again"),
        visitor.client.post(f"{visitor.base}/wishes", headers={"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 405, 403]
    ancestors = [re.findall(r"frame-ancestors ([^;]*)", answer.headers[CSP]) for answer in answers]
    assert ancestors == [["*"], ["*"], ["'none'"]]
    for answer in answers:
        assert "<form" not in answer.text
        assert visitor.base not in answer.text


def test_nobody_may_frame_a_form_where_no_website_is_listed(visitor: Visitor) -> None:
    visitor.reach("wishes")

    assert policies(visitor, f"{visitor.base}/wishes") == ("'none'", "DENY")


def test_a_listed_website_shows_the_form_and_a_course_is_booked_in_it(
    site: Page, visitor: Visitor, own: str, address: str, database: Database
) -> None:
    framed(site, own, f"{address}/book?treatment={visitor.cast.back}")
    assert shown(site)
    frame = site.frames[1]

    def press(words: str, then: str) -> None:
        frame.get_by_role("button", name=words).first.click()
        frame.get_by_role("heading", level=1, name=then).wait_for()

    press("Book this course", "A few questions")
    for name, value in visitor.health.items():
        frame.locator(f"[name={name}][value={value}]").check()
    press("Continue", "When would you like")
    press("Show me the times", "Your proposed course")
    press("Take these times", "Your name and phone")
    frame.locator("#name").fill("Ada Example")
    frame.locator("#phone").fill("(202) 555-0155")
    press("Text me the code", "The code from your phone")
    frame.locator("#code").fill(visitor.code())
    press("Book my course", "Your course is booked")
    assert count(database, Course) == 1
    assert site.context.cookies() == []

    # Private pages leave the frame, so that no website can overlay them.
    frame.get_by_role("link", name="Open my course").click()
    site.wait_for_url(f"{address}/my/**")


def test_another_website_shows_nothing(
    site: Page, own: str, websites: list[str], cast: Cast, address: str
) -> None:
    framed(site, websites[1], f"{address}/?clinic={cast.clinic}")

    assert not shown(site)


def test_not_even_the_clinics_own_website_shows_a_private_page(
    site: Page, visitor: Visitor, own: str, address: str
) -> None:
    visitor.reach("done")

    framed(site, own, f"{address}{visitor.my()}")

    assert not shown(site)


def test_the_colour_is_a_stylesheet_of_its_own(visitor: Visitor, listed: None) -> None:
    page = visitor.get(f"/?clinic={visitor.cast.clinic}").text
    assert '<link rel="stylesheet" href="/looks/7a1f5c.css">' in page

    sheet = visitor.get("/looks/7a1f5c.css")

    assert sheet.headers["content-type"].startswith("text/css")
    assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "--deep:#7a1f5c" in sheet.text
    for wrong in ("ffcc00", "red", "7a1f5c;}", "7A1F5C0"):
        assert visitor.get(f"/looks/{wrong}.css").status_code == 404


@pytest.mark.parametrize("query", ["clinic={clinic}", "treatment={treatment}"])
def test_the_poster_leads_where_it_says(visitor: Visitor, query: str) -> None:
    asked = query.format(clinic=visitor.cast.clinic, treatment=visitor.cast.back)

    page, picture = visitor.get(f"/door?{asked}"), visitor.get(f"/door.svg?{asked}")

    found = re.search(r"<strong>(http://testserver/[^<]+)</strong>", page.text)
    assert found is not None
    assert visitor.get(found[1].removeprefix("http://testserver")).status_code == 200
    assert f'src="/door.svg?{asked}"' in page.text
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert picture.text.startswith("<svg")
    assert "Point the camera of your phone" in text_of(page)


@pytest.mark.parametrize("query", ["", "clinic=999", "treatment=999", "clinic=x", "treatment=-1"])
def test_there_is_no_poster_of_what_is_not_there(visitor: Visitor, query: str) -> None:
    assert visitor.get(f"/door?{query}").status_code == 404
    assert visitor.get(f"/door.svg?{query}").status_code == 404
