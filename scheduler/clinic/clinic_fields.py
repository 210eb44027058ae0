"""Checks and normalizes the fields of a clinic. Raises Invalid for wrong values."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import phonenumbers

from scheduler.clinic import branding
from scheduler.infra.errors import Invalid

_EMERGENCY = re.compile(r"\+?[0-9]{2,15}")


def zone(name: str) -> str:
    """A time zone name, which must be a place in the zone data."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name = ""
    # Not every name in the data is a place: Factory, localtime, EST5EDT.
    if name not in available_timezones() or ("/" not in name and name != "UTC"):
        raise Invalid(
            "This is not a time zone. Give a place such as America/New_York.", field="timezone"
        )
    return name


def country(code: str) -> str:
    """A country code in capitals."""
    if code.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise Invalid(
            f"{code!r} is not a country code. Give two letters, such as US or DE.", field="country"
        )
    return code.upper()


def phone(typed: str, country: str) -> str:
    """The clinic's number as E.164. Unlike a patient's, it may be a landline."""
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        raise Invalid("This is not a phone number. Please check it.", field="phone") from None
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This phone number cannot exist. Please check it.", field="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def emergency(typed: str) -> str:
    """The number to call in an emergency, without spaces and punctuation."""
    number = re.sub(r"[ ()./-]", "", typed)
    if not _EMERGENCY.fullmatch(number):
        raise Invalid(
            "An emergency number has 2 to 15 digits, such as 911 or 112.", field="emergency_phone"
        )
    return number


def checked_looks(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the color and the websites checked and normalized."""
    checked = dict(values)
    if "accent" in checked:
        checked["accent"] = branding.accent(checked["accent"])
    if "embed_origins" in checked:
        checked["embed_origins"] = branding.origins(checked["embed_origins"])
    return checked
