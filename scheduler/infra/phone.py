"""Parses and checks phone numbers, and stores them in one form (E.164)."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Invalid

MAX_TYPED = 40
MAX_KEPT = 20

# A calling code does not tell to whom a region belongs: Jamaica shares that of the United States,
# Kazakhstan that of Russia.
_COUNTRIES_OF_TERRITORIES = {
    **dict.fromkeys(("AS", "GU", "MP", "PR", "VI"), "US"),
    **dict.fromkeys(("GG", "IM", "JE"), "GB"),
    **dict.fromkeys(("BL", "GF", "GP", "MF", "MQ", "PM", "RE", "YT"), "FR"),
    **dict.fromkeys(("CC", "CX"), "AU"),
    "AX": "FI",
    "SJ": "NO",
}
NO_SUCH_NUMBER = marked("There is no such phone number. Please check it, with its area code.")

_CHANNEL = re.compile(r"[a-z]+:")
_MEXICAN_MOBILE = re.compile(r"\+521(\d{10})")

# Texts to premium and shared-cost numbers would earn money for the owner of the number.
_TEXTABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def normalize(typed: str, *, country: str, allowed: Collection[str] = ()) -> str:
    """A typed number as E.164, read as written in `country`. Raises Invalid with a reason.

    `allowed`: countries that may be texted, with their territories. Empty means only `country`.
    """
    if len(typed) > MAX_TYPED:
        raise Invalid(_("This phone number is too long."), field="phone")
    try:
        number = _parse(typed, country)
    except NumberParseException:
        raise Invalid(
            _("This does not look like a phone number. Please check it."), field="phone"
        ) from None
    if number.extension:
        raise Invalid(_("A number with an extension cannot get texts."), field="phone")
    region = phonenumbers.region_code_for_number(number)
    if region is None:
        raise Invalid(_(NO_SUCH_NUMBER), field="phone")
    if _country(region) not in map(_country, allowed or {country}):
        raise Invalid(_("We cannot text numbers of this country."), field="phone")
    if is_fictional(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number):
        raise Invalid(_(NO_SUCH_NUMBER), field="phone")
    if phonenumbers.number_type(number) not in _TEXTABLE:
        raise Invalid(
            _("Please give the number of a mobile phone: we will text it."), field="phone"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True)
class EnteredPhone:
    """A phone as staff entered it. `number`: E.164 with `x` before an extension, or empty."""

    number: str
    textable: bool


def entered(typed: str, *, country: str, allowed: Collection[str] = ()) -> EnteredPhone:
    """Any phone that exists, and whether it may be texted. Empty: the patient has none.

    Raises Invalid for a number that cannot exist. Arguments as in `normalize`.
    """
    if not typed.strip():
        return EnteredPhone("", textable=False)
    try:
        return EnteredPhone(normalize(typed, country=country, allowed=allowed), textable=True)
    except Invalid:
        return EnteredPhone(_not_textable(typed, country), textable=False)


def _not_textable(typed: str, country: str) -> str:
    if len(typed) > MAX_TYPED:
        raise Invalid(_("This phone number is too long."), field="phone")
    try:
        number = _parse(typed, country)
    except NumberParseException:
        raise Invalid(
            _("This does not look like a phone number. Please check it."), field="phone"
        ) from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid(_(NO_SUCH_NUMBER), field="phone")
    kept = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    kept = kept + f"x{number.extension}" if number.extension else kept
    if len(kept) > MAX_KEPT:
        raise Invalid(_("This phone number is too long."), field="phone")
    return kept


def of_sender(address: str) -> str:
    """The number in the address of a sender, in the form in which phones of patients are stored.

    Addresses on other channels have a prefix, such as `rcs:` or `whatsapp:`. Carriers still send
    Mexican mobile numbers with the 1 after +52 that is no longer dialed.
    """
    return _MEXICAN_MOBILE.sub(r"+52\1", _CHANNEL.sub("", address.strip()))


def is_fictional(number: phonenumbers.PhoneNumber) -> bool:
    """Whether a North American number is one of 555-0100 to 555-0199, reserved for fiction."""
    national = str(number.national_number)
    # Area codes such as 900 cost the caller money, even for reserved numbers.
    return number.country_code == 1 and national[3:8] == "55501" and national[0] != "9"


def _parse(typed: str, country: str) -> phonenumbers.PhoneNumber:
    """A typed number. Raises NumberParseException."""
    number = phonenumbers.parse(typed, country)
    with_1 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if (without := of_sender(with_1)) != with_1:
        number.national_number = phonenumbers.parse(without).national_number
    return number


def _country(region: str) -> str:
    """The country that a region belongs to: the region itself, unless it is a territory."""
    return _COUNTRIES_OF_TERRITORIES.get(region, region)


def for_people(number: str) -> str:
    """An E.164 number in its national format. Empty stays empty: the patient has no phone."""
    if not number:
        return ""
    parsed = phonenumbers.parse(number)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)


def masked(number: str) -> str:
    """The last two digits of a number, for pages and logs."""
    return f"...{number[-2:]}"


def country_of(number: str) -> str:
    """The country of a number that begins with +. Raises Invalid if there is none."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except NumberParseException:
        region = None
    if region is None:
        raise Invalid(_("This does not look like a phone number. Please check it."), field="phone")
    return region
