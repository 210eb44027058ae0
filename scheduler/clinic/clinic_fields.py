"""What a clinic says of itself, in its one form; Unfit for what cannot be."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import phonenumbers

from scheduler.clinic import branding
from scheduler.infra.errors import Invalid

_EMERGENCY = re.compile(r"\+?[0-9]{2,15}")


def zone(name: str) -> str:
    """The name of a place in the zone data."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name = ""
    # The data holds more names than places: Factory, localtime, EST5EDT.
    if name not in available_timezones() or ("/" not in name and name != "UTC"):
        raise Invalid("A time zone is a place such as America/New_York.", field="timezone")
    return name


def country(code: str) -> str:
    """The two letters of a country, large."""
    if code.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise Invalid("A country is given by its two letters, such as US or DE.", field="country")
    return code.upper()


def phone(typed: str, country: str) -> str:
    """A clinic's own number; unlike a patient's it may be a fixed line."""
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        raise Invalid("This does not look like a phone number.", field="phone") from None
    if not phonenumbers.is_possible_number(number):
        raise Invalid("There is no such phone number.", field="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def emergency(typed: str) -> str:
    """The number to call in an emergency, digits only."""
    number = re.sub(r"[ ()./-]", "", typed)
    if not _EMERGENCY.fullmatch(number):
        raise Invalid(
            "An emergency number has digits only, such as 911 or 112.", field="emergency_phone"
        )
    return number


def checked_looks(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, a clinic's colour and websites among them in their one form."""
    checked = dict(values)
    if "accent" in checked:
        checked["accent"] = branding.accent(checked["accent"])
    if "embed_origins" in checked:
        checked["embed_origins"] = branding.origins(checked["embed_origins"])
    return checked
