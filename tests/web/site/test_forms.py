"""Typed input, and the messages about it."""

from datetime import date
from urllib.parse import urlencode

import pytest

from scheduler.infra.errors import Invalid
from scheduler.patients import screening
from scheduler.web.site import forms
from scheduler.web.site.forms import Form, Mistakes

TODAY = date(2027, 2, 1)


def form(**fields: object) -> Form:
    return forms.parse(urlencode(fields, doseq=True).encode())


def wishes(**fields: object) -> forms.WishAnswers:
    return forms.read_wishes(form(**fields), today=TODAY, horizon_days=365, practitioner_ids=[3, 4])


def details(name: str, phone: str = "202-555-0155") -> forms.Details:
    return forms.read_details(form(name=name, phone=phone), country="US", allowed=())


def test_what_was_not_sent_is_empty() -> None:
    assert form().one("name") == ""
    assert form().many("weekdays") == []


@pytest.mark.parametrize(
    "body",
    [b"name=\xff\xfe", b"a=%00", b"&".join(b"a%d=1" % number for number in range(200))],
    ids=["not text", "NUL", "200 fields"],
)
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        forms.parse(body)


def test_every_question_that_was_passed_over_is_named_at_once() -> None:
    with pytest.raises(Mistakes) as wrong:
        forms.read_health(form(bleeding="no", pacemaker="perhaps"))

    keys = {question.key for question in screening.QUESTIONS} - {"bleeding"}
    assert wrong.value.sentences.keys() == keys | {"pain_since"}


def test_wishes_may_be_as_few_as_a_day_to_start() -> None:
    assert wishes(start_on="2027-02-03") == forms.WishAnswers(
        start_on=date(2027, 2, 3), weekdays=(), hours="any", practitioner_id=None
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_on", ""),
        ("start_on", "2027-02-30"),
        ("start_on", "tomorrow"),
        ("start_on", "2027-01-31"),
        ("start_on", "2029-01-01"),
        ("start_on", "9999-12-31"),
        ("weekdays", "7"),
        ("weekdays", "-1"),
        ("hours", "midnight"),
        ("practitioner_id", "5"),
        ("practitioner_id", "3 OR 1=1"),
    ],
)
def test_a_wish_that_cannot_be_is_told_beside_its_field(field: str, value: str) -> None:
    with pytest.raises(Mistakes) as wrong:
        wishes(**({"start_on": "2027-02-03"} | {field: value}))

    assert list(wrong.value.sentences) == [field]


@pytest.mark.parametrize(
    "name", ["Ада Лавлейс", "عائشة", "O'Neil-Müller", "Ng", "José María de la O", "नीरजा", "李小龙"]
)
def test_names_of_any_script_are_taken(name: str) -> None:
    assert details(name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "😀",
        "Ann 😀",
        "A" * 5000,
        "<script>alert(1)</script>",
        "'; DROP TABLE patients; --",
        "Ann\u202eExample",
        "...",
        "Ann http://evil.example",
    ],
)
def test_names_that_are_none_get_a_sentence(name: str) -> None:
    with pytest.raises(Mistakes) as wrong:
        details(name)

    assert list(wrong.value.sentences) == ["name"]


@pytest.mark.parametrize(
    "phone", ["", "123", "hello", "+49 151 12345678", "1-900-234-5678", "2" * 5000]
)
def test_phones_that_cannot_be_texted_get_a_sentence(phone: str) -> None:
    with pytest.raises(Mistakes) as wrong:
        details("Ada", phone)

    assert list(wrong.value.sentences) == ["phone"]


def test_what_is_shown_again_cannot_burst_the_page() -> None:
    typed = form(name="A" * 5000).typed("name", "phone")

    assert typed == {"name": "A" * forms.FIELD_SHOWN_AGAIN, "phone": ""}
