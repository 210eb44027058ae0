"""Words that are programs in disguise: no page runs them, in a real Chromium with JavaScript on."""

from collections.abc import Iterator

import pytest
from markupsafe import escape
from playwright.sync_api import Browser, Page
from sqlmodel import select

from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.database import Database
from scheduler.patients.models import Patient
from tests.cast import Cast
from tests.web.conftest import Visitor

HOSTILE = (
    "<script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=1">',
    "</title><svg onload=window.ran=1>",
    "javascript:window.ran=1",
    "'-(window.ran=1)-'",
    "{{7*7}}${7*7}{% raw %}",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "</style></textarea><iframe srcdoc='<script>parent.ran=1</script>'>",
)
STEPS = ("screening", "wishes", "plan", "plan/3", "details", "code")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a page shows does not depend on the kind of database."""
    return sqlite_url


@pytest.fixture
def complaints(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page with JavaScript on, and what the browser says against it."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    yield page, said
    context.close()


@pytest.mark.parametrize("words", HOSTILE)
def test_no_words_of_anybody_run_on_a_page(
    complaints: tuple[Page, list[str]], address: str, visitor: Visitor, words: str
) -> None:
    page, said = complaints
    write_everywhere(visitor.database, visitor.cast, words)
    visitor.reach("done")
    again = Visitor(visitor.client, visitor.database, visitor.cast)
    again.details["phone"] = "(202) 555-0156"
    again.reach("code")
    own = (f"{visitor.base}/done", visitor.my())

    for path in (
        "/",
        f"/treatments/{visitor.cast.back}",
        *(f"{again.base}/{step}" for step in STEPS),
        *own,
    ):
        page.goto(f"{address}{path}")
        assert page.evaluate("window.ran") is None, path
    assert words in page.locator("body").inner_text()

    assert said == []


def test_what_a_visitor_types_comes_back_as_they_typed_it(visitor: Visitor) -> None:
    visitor.reach("details")

    answer = visitor.post(
        "details", {"name": HOSTILE[1], "phone": HOSTILE[0], "sms_consent": "yes"}
    )

    assert answer.status_code == 422
    assert f'value="{escape(HOSTILE[1])}"' in answer.text
    assert f'value="{escape(HOSTILE[0])}"' in answer.text


def write_everywhere(database: Database, cast: Cast, words: str) -> None:
    """Put words wherever staff can write some that patients read."""
    with database.transaction() as session:
        session.get_one(Clinic, cast.clinic).name = words
        session.get_one(Practitioner, cast.ana).name = words
        treatment = session.get_one(Treatment, cast.back)
        treatment.name = words
        treatment.tips = {"before": words, "after": words}
        for room in session.exec(select(Room)):
            room.name = words
        for patient in session.exec(select(Patient)):
            patient.name = words
