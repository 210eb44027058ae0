"""Which numbers may be texted from which country."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from scheduler.infra import phone
from scheduler.infra.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("787-234-5678", "US"),
        ("939-234-5678", "US"),
        ("671-300-1234", "US"),
        ("340-642-1234", "US"),
        ("07624 312345", "GB"),
        ("07797 712345", "GB"),
        ("07781 123456", "GB"),
        ("202-555-0101", "PR"),
    ],
)
def test_a_territory_belongs_to_its_country(typed: str, country: str) -> None:
    number = phonenumbers.parse(typed, country)

    kept = phone.normalize(typed, country=country)

    assert kept == phonenumbers.format_number(number, PhoneNumberFormat.E164)
    assert phone.normalize(typed, country=country, allowed={country}) == kept


@pytest.mark.parametrize(("region", "country"), [("JM", "US"), ("CA", "US"), ("KZ", "RU")])
def test_another_country_with_the_same_calling_code_is_refused(region: str, country: str) -> None:
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert number is not None
    typed = phonenumbers.format_number(number, PhoneNumberFormat.E164)

    with pytest.raises(Invalid, match="country"):
        phone.normalize(typed, country=country)


def test_numbers_are_written_for_people() -> None:
    assert phone.for_people("+12024561111x12") == "(202) 456-1111 ext. 12"
    assert phone.for_people("") == ""


@pytest.mark.parametrize("typed", ["+52 1 55 1234 5678", "+52 55 1234 5678", "55 1234 5678"])
def test_a_mexican_mobile_has_one_form(typed: str) -> None:
    assert phone.normalize(typed, country="MX") == "+525512345678"
