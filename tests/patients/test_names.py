"""Names are kept as people write them; what could mislead a reader is refused."""

import pytest

from scheduler.infra.errors import Invalid
from scheduler.patients import names

AS_PEOPLE_WRITE_THEM = [
    "Smith, John",
    "Mary-Jane O'Neil-Smith III",
    "José (Pepe) Ruiz",
    "Kahu\N{LEFT SINGLE QUOTATION MARK}ena",
    "O\N{ACUTE ACCENT}Brien",
    "Gal·la",
    "マリア\N{KATAKANA MIDDLE DOT}ガルシア",
    "Anand a/l Example",
    "J.R. Example",
    "St.John Example Jr.",
    "Smith, John 3rd",
    "מרים דוגמה",
    "Nguyễn Văn Mẫu",
    "علی\N{ZERO WIDTH NON-JOINER}رضا",
    f"בן{names.MAQAF}דוד",
]


@pytest.mark.parametrize("typed", AS_PEOPLE_WRITE_THEM)
def test_staff_and_patients_enter_names_as_people_write_them(typed: str) -> None:
    assert names.clean_name(typed) == typed
    assert names.clean_web_name(typed) == typed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ann   Example ", "Ann Example"),
        ("Zoë O\N{RIGHT SINGLE QUOTATION MARK}Example-Smith Jr.", "Zoë O'Example-Smith Jr."),
        ("Anna\N{NON-BREAKING HYPHEN}Lena Example", "Anna-Lena Example"),
        ("e\N{COMBINING ACUTE ACCENT}va", "éva"),
    ],
)
def test_names_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert names.clean_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "x" * 10_000,
        "...",
        "\N{COMBINING ACUTE ACCENT}" * 5,
        "123",
        "'; DROP TABLE patients; --",
        "Ann \N{GRINNING FACE}",
        "Ann\N{RIGHT-TO-LEFT OVERRIDE}nnA",
        "Ann\N{RIGHT-TO-LEFT MARK}",
        "Ann\N{SOFT HYPHEN}a",
        "Ann\nExample",
        "Ann\N{LINE SEPARATOR}Example",
        "Ann http://example.org",
        "Win at www.evil.example now",
        "Win at WWW.EVIL now",
        "Win at evil.example now",
        "Win at Evil.Com now",
        "Win at EVIL.EXAMPLE now",
        "Ann @ Example",
        "<script>alert(1)</script>",
        "Ann\x00",
        "Ann\N{ZERO WIDTH JOINER}",
        "Ann \N{ZERO WIDTH NON-JOINER}Example",
    ],
)
def test_a_string_that_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        names.clean_name(typed)

    assert refusal.value.field == "name"


@pytest.mark.parametrize("typed", ["Ann 555 0101", "Ann 5 5 5", "Call 202/555"])
def test_a_name_from_the_web_contains_no_number(typed: str) -> None:
    assert names.clean_name(typed) == typed

    with pytest.raises(Invalid, match="number"):
        names.clean_web_name(typed)
