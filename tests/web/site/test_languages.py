"""Every page speaks the language of the one who reads it: from the first page to the last text."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from httpx import Response
from sqlmodel import col, select

from scheduler.i18n import languages
from scheduler.patients.models import Patient
from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from tests.web.conftest import SAME_ORIGIN, Visitor, text_of
from workshop import words

SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}
TEXTS = r'<p class="bubble">.*?</p>|<input type="checkbox" name="consent".*?</label>'
"""They are in another catalogue, with tests of their own."""
VOLAPUK = Locale("vo")
OF_OTHERS = {
    *VOLAPUK.days["format"]["wide"].values(),
    *VOLAPUK.months["format"]["wide"].values(),
    *("Willow", "Clinic", "Back", "course", "Ana", "Ben", "America", "New", "York"),
    *("Eat", "something", "Rise", "slowly", "English"),
}
"""Texts outside the catalogs: days and months, names, and the clinic's own words."""
STEPS = ("screening", "wishes", "plan", "plan/1", "details", "code")


def spoken(answer: Response) -> str:
    """The language that a page says it is in."""
    found = re.search(r'<html lang="(\w+)"', answer.text)
    assert found is not None
    return found[1]


def english_of(place: str = "es") -> list[str]:
    """The longer sentences that pages have in English and differently in another language."""
    with (languages.FOLDER / place / "LC_MESSAGES" / "pages.po").open("rb") as lines:
        return [
            message.id
            for message in read_po(lines)
            if isinstance(message.id, str) and len(message.id) > 12 and "%" not in message.id
        ]


def begin_in_spanish(visitor: Visitor) -> None:
    visitor.client.headers.update(SPANISH)
    answer = visitor.client.post(
        "/book?lang=es", data={"treatment_id": str(visitor.cast.back)}, headers=SAME_ORIGIN
    )
    visitor.base = answer.headers["location"].removesuffix("/screening")


@pytest.mark.parametrize(
    ("header", "query", "language"),
    [
        ("", "", "en"),
        ("es", "", "es"),
        ("es-419,en;q=0.8", "", "es"),
        ("fr,es;q=0.5,en;q=0.9", "", "en"),
        ("fr, de", "", "en"),
        ("en", "?lang=es", "es"),
        ("es", "?lang=en", "en"),
        ("es", "?lang=../../etc", "es"),
        ("en;q=0,es;q=x", "", "en"),
        (",;q=,,=;", "", "en"),
    ],
)
def test_the_address_decides_then_the_browser(
    visitor: Visitor, header: str, query: str, language: str
) -> None:
    answer = visitor.client.get(f"/{query}", headers={"Accept-Language": header})

    assert spoken(answer) == language


def test_a_whole_booking_in_spanish_says_nothing_in_english(visitor: Visitor) -> None:
    first = visitor.client.get("/", headers=SPANISH)
    assert spoken(first) == "es"
    begin_in_spanish(visitor)
    del visitor.client.headers["Accept-Language"]  # the form remembers
    seen = [first]
    for step, data in zip(
        STEPS,
        (visitor.health, visitor.wishes, {}, None, visitor.details, None),
        strict=True,
    ):
        seen.append(visitor.get(step))
        if data is not None:
            seen.append(visitor.post(step, {}))
            visitor.post(step, dict(data))
    visitor.type_code()
    my = visitor.my()
    seen += [
        visitor.get("done"),
        visitor.get(my),
        visitor.get(f"{visitor.session(1)}/cancellation"),
    ]

    shown = [page for page in seen if page.status_code != 303]
    assert {spoken(page) for page in shown} == {"es"}
    for page in shown:
        text = text_of(page)
        assert [sentence for sentence in english_of() if sentence in text] == [], page.url


@pytest.mark.both_databases
def test_who_books_in_spanish_is_texted_in_spanish(visitor: Visitor, database: Database) -> None:
    begin_in_spanish(visitor)
    for step, data in (
        ("screening", visitor.health),
        ("wishes", visitor.wishes),
        ("plan", {}),
        ("details", visitor.details),
    ):
        visitor.post(step, dict(data))
    visitor.type_code()

    with database.transaction(write=False) as session:
        patient = session.exec(select(Patient).where(col(Patient.name) == "Ada Example")).one()
        code = session.exec(select(Message).where(col(Message.kind) == "code")).one()
    assert patient.language == "es"
    assert code.text.startswith("Willow: su codigo es {code}.")


def test_a_form_can_change_its_language_on_the_way(visitor: Visitor) -> None:
    visitor.reach("wishes")

    assert spoken(visitor.get("wishes?lang=es")) == "es"
    assert spoken(visitor.get("wishes")) == "en"  # looking changes nothing
    visitor.post("wishes?lang=es", visitor.wishes)

    assert spoken(visitor.get("plan")) == "es"


@pytest.mark.both_databases
def test_a_patient_can_change_the_language_of_pages_and_texts(
    visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")
    my = visitor.my()
    assert 'name="language" value="es" lang="es">español' in visitor.get(my).text

    answer = visitor.post(f"{my}/language", {"language": "es"})

    assert answer.headers["location"] == my
    assert spoken(visitor.get(my)) == "es"
    with database.transaction(write=False) as session:
        assert session.exec(select(Patient.language)).all().count("es") == 1


@pytest.mark.parametrize("wanted", ["", "xx", "../es"])
def test_a_language_that_nobody_offers_is_refused(visitor: Visitor, wanted: str) -> None:
    visitor.reach("done")

    assert visitor.post(f"{visitor.my()}/language", {"language": wanted}).status_code == 422


def test_what_is_not_there_is_said_in_the_readers_language(visitor: Visitor) -> None:
    answer = visitor.client.get("/my/nothing", headers=SPANISH)

    assert answer.status_code == 404
    assert spoken(answer) == "es"
    assert "Esta página no está aquí" in text_of(answer)


def test_two_who_read_at_once_do_not_hear_each_other(visitor: Visitor) -> None:
    spanish = visitor.client.get("/?lang=es")
    english = visitor.client.get("/?lang=en")

    assert [spoken(spanish), spoken(english)] == ["es", "en"]


@pytest.fixture
def volapuk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language in which every word of the pages is 'x', so that what was forgotten shows."""
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    place = tmp_path / "vo" / "LC_MESSAGES" / "pages.po"
    place.parent.mkdir(parents=True)
    catalogue = Catalog(locale="vo", fuzzy=False)
    for message in words.extracted():
        if isinstance(message.id, str):
            catalogue.add(message.id, _crossed_out(message.id))
        elif message.id:
            catalogue.add(message.id, [_crossed_out(form) for form in message.id])
    with place.open("wb") as file:
        write_po(file, catalogue)
    caches = (languages.codes, languages._catalog)
    for cache in caches:
        cache.cache_clear()
    yield
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()


def _crossed_out(sentence: str) -> str:
    """The marks and fields of a sentence stay, its words are x."""
    parts = re.split(r"(%\(\w+\)s|<[^>]+>|&\w+;)", sentence)
    return "".join(
        part if place % 2 else re.sub(r"[^\W\d_]+", "x", part) for place, part in enumerate(parts)
    )


@pytest.mark.slow
def test_no_word_of_a_page_stands_outside_the_catalogue(visitor: Visitor, volapuk: None) -> None:
    """Without all catalog words, only words of the clinic, the patient and Babel remain."""
    answer = visitor.client.post(
        "/book?lang=vo", data={"treatment_id": str(visitor.cast.back)}, headers=SAME_ORIGIN
    )
    visitor.base = answer.headers["location"].removesuffix("/screening")
    wishes = {**visitor.wishes, "hours": "evening", "practitioner_id": str(visitor.cast.ben)}
    seen = [
        visitor.client.get("/?lang=vo"),
        visitor.client.get(f"/treatments/{visitor.cast.back}?lang=vo"),
    ]
    for step, data in zip(
        STEPS, (visitor.health, wishes, {}, None, visitor.details, None), strict=True
    ):
        seen.append(visitor.get(step))
        if data is not None:
            seen.append(visitor.post(step, {"start_on": "never"}))
            visitor.post(step, dict(data))
    seen.append(visitor.post("code", {"code": "1"}))
    visitor.type_code()
    my = visitor.my()
    seen += [
        visitor.get("done"),
        visitor.get(my),
        visitor.get(f"{visitor.session(1)}/cancellation"),
    ]
    seen.append(visitor.client.get("/nowhere?lang=vo"))

    shown = [page for page in seen if page.status_code != 303]
    left = {
        word
        for page in shown
        for word in re.findall(r"[^\W\d_]{2,}", text_of(page, but=TEXTS))
        if set(word) != {"x"}
    }
    assert sorted(left - OF_OTHERS) == []
