"""Patient pages: access, what every page carries, and how problems are reported."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import select
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from scheduler.booking.models import Enquiry
from scheduler.clinic.models import Practitioner
from scheduler.http.request_gate import TooLong, TooSlow, WrongHost
from scheduler.infra.errors import Conflict, Invalid, NotFound, TooMany, Unavailable
from scheduler.storage.database import Busy, Database
from scheduler.web.site import error_pages, rendering
from tests.web.conftest import Visitor, count, text_of

TEMPLATES = sorted((Path(rendering.__file__).parents[1] / "templates").glob("*.html"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://testserver.evil.example"},
    ],
)
def test_another_website_cannot_send_our_forms(
    visitor: Visitor, database: Database, headers: dict[str, str]
) -> None:
    visitor.begin()

    for address in ("/book", f"{visitor.base}/screening"):
        answer = visitor.client.post(
            address, data={"treatment_id": str(visitor.cast.back)}, headers=headers
        )
        assert answer.status_code == 403
        assert "did not come from one of our own pages" in text_of(answer)
    assert count(database, Enquiry) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://testserver"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_pages_can_in_old_browsers_too(visitor: Visitor, headers: dict[str, str]) -> None:
    answer = visitor.client.post(
        "/book", data={"treatment_id": str(visitor.cast.back)}, headers=headers
    )

    assert answer.status_code == 303


@pytest.mark.parametrize("treatment", ["", "0", "999", "x", "1' OR '1'='1", "9" * 30, "-1"])
def test_a_treatment_that_is_not_on_offer_is_not_found(visitor: Visitor, treatment: str) -> None:
    assert visitor.post("/book", {"treatment_id": treatment}).status_code == 404


def test_the_first_page_offers_what_there_is(visitor: Visitor) -> None:
    for address in ("/", "/book", f"/?clinic={visitor.cast.clinic}"):
        text = text_of(visitor.get(address))
        assert "Back course 10 sessions over 7 weeks, 40 minutes each." in text
    assert visitor.get("/?clinic=999").status_code == 404
    assert "Book this course" in visitor.get(f"/book?treatment={visitor.cast.back}").text


def test_what_nobody_gives_online_has_no_button_that_leads_nowhere(
    visitor: Visitor, database: Database
) -> None:
    with database.transaction() as session:
        for practitioner in session.exec(select(Practitioner)):
            practitioner.active = False

    page = visitor.get(f"/treatments/{visitor.cast.back}")

    assert "Nobody offers this treatment online at the moment." in text_of(page)
    assert "<form" not in page.text


def test_a_treatment_tells_all_before_anything_is_asked(visitor: Visitor) -> None:
    text = text_of(visitor.get(f"/treatments/{visitor.cast.back}"))

    for sentence in (
        "10 sessions of 40 minutes: 2 a week for 3 weeks, then once a week for 4 weeks.",
        "That is 6 hours and 40 minutes in all.",
        "Ana license L-Ana",
        "Your insurance may not pay for this.",
        "This treatment works beside painkillers.",
    ):
        assert sentence in text


def walked(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Each page there is, with its address."""
    visitor.reach("code")
    for address in ("/", f"/treatments/{visitor.cast.back}"):
        yield address, visitor.get(address).text
    for step in ("screening", "wishes", "plan", "plan/1", "details", "code"):
        yield step, visitor.get(step).text
    visitor.type_code()
    my = visitor.my()
    for address in (f"{visitor.base}/done", my, f"{visitor.session(1)}/cancellation", "/nowhere"):
        yield address, visitor.get(address).text


def test_every_page_is_light_whole_and_alone(visitor: Visitor) -> None:
    style = (Path(rendering.__file__).parents[1] / "static" / "style.css").stat().st_size
    assert style < 14_000
    for address, html in walked(visitor):
        assert len(html.encode()) + style < 60_000, address
        assert html.count("<h1>") == 1, address
        assert re.search(r"<title>.*\S.*</title>", html), address
        assert not re.search(r"<script(?! src=\"/static/)|\sstyle=|\son\w+=", html), address
        others = re.findall(r'(?:src|href|action)="(?!/|#|tel:|\?)([^"]*)"', html)
        assert others == [], address
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids)), address
        for target in re.findall(r'(?:for|href)="#?([\w-]+)"', html):
            assert target in ids or "/" in target, (address, target)


def test_personal_pages_are_kept_by_nobody(visitor: Visitor) -> None:
    visitor.reach("wishes")

    page = visitor.get("wishes")

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in page.headers


def test_every_answer_tells_the_browser_what_it_may(visitor: Visitor) -> None:
    visitor.begin()

    for address in ("/", "screening", "/nowhere", "/static/style.css", f"/my/{'A' * 22}"):
        headers = visitor.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_ten_megabytes_get_a_page(visitor: Visitor) -> None:
    visitor.begin()

    answer = visitor.post("screening", {"bleeding": "x" * 10_000_000})

    assert answer.status_code == 413
    assert "That is too much" in text_of(answer)


def test_static_files_are_kept_under_an_address_of_their_own(client: TestClient) -> None:
    address = re.search(r'href="(/static/style.css\?v=\w+)"', client.get("/").text)
    assert address is not None

    answer = client.get(address[1])

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert client.get("/static/../door.py").status_code == 404


def test_a_body_that_is_no_form_gets_a_page(visitor: Visitor) -> None:
    answer = visitor.client.post("/book", content=b"\xff\xfe" * 9)

    assert answer.status_code == 422
    assert "This form cannot be read." in text_of(answer)


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        (NotFound(), 404, "This page is not here"),
        (Conflict("Somebody was here."), 409, "Somebody was here."),
        (Invalid("This is not it."), 422, "This is not it."),
        (TooMany("Slowly.", retry_after=7), 429, "Slowly."),
        (Unavailable(), 503, "We cannot reach our records just now"),
        (Busy(), 503, "Nothing was lost."),
        (HTTPException(404), 404, "This page is not here"),
        (HTTPException(405), 405, "This page cannot be opened like that"),
        (TooLong(), 413, "That is too much"),
        (TooSlow(), 408, "That took too long"),
        (WrongHost(), 400, "This address is not known here"),
        (StaleDataError(), 409, "Something has changed meanwhile"),
        (ZeroDivisionError("secret"), 500, "It is our fault"),
    ],
)
def test_a_problem_is_a_page_in_plain_words(problem: Exception, status: int, words: str) -> None:
    answer = error_pages.answer(problem, reference="abc123")

    html = bytes(answer.body).decode()
    assert answer.status_code == status
    assert words in html
    assert "secret" not in html
    assert ("abc123" in html) == (status >= 500)


def test_a_problem_that_passes_says_when_to_come_again() -> None:
    assert error_pages.answer(TooMany(retry_after=7)).headers["retry-after"] == "7"
    assert error_pages.answer(Unavailable()).headers["retry-after"] == "30"


def test_an_unknown_address_and_a_wrong_method_get_a_page(client: TestClient) -> None:
    assert "This page is not here" in client.get("/nowhere").text
    assert "This page cannot be opened like that" in client.put("/").text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_escape_everything(template: Path) -> None:
    source = template.read_text()

    assert not re.search(
        r"\|\s*safe|Markup|autoescape|\sstyle=|<script(?! src=)|\son[a-z]+=", source
    )
    # An attribute without quotes could be broken out of in spite of the escaping.
    assert not re.search(r"\s[\w-]+=\{\{", source)
