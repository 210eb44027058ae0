"""The form of a request to send: Twilio's rules, and its OpenAPI document if available.

The document is read from `TWILIO_OPENAPI`, else from a folder `shared` beside the repository.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema

MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
MAGIC = {
    "+15005550001": (21211, "The 'To' number is not a valid phone number."),
    "+15005550002": (21612, "The 'To' number is not reachable."),
    "+15005550003": (21408, "Permission to send to this region has not been enabled."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient."),
    "+15005550009": (21614, "The 'To' number is not a valid mobile number."),
}
"""Numbers with which Twilio's own test credentials fail."""


def complaint(form: Mapping[str, str]) -> tuple[int, str] | None:
    """Twilio's error code and words for a request to send, or None if it may be taken."""
    to, body = form.get("To", ""), form.get("Body", "")
    sender = form.get("From") or form.get("MessagingServiceSid")
    validity = form.get("ValidityPeriod", "36000")
    checks = [
        (bool(to), 21604, "A 'To' phone number is required."),
        (bool(sender), 21603, "A 'From' phone number is required."),
        (bool(body), 21602, "Message body is required."),
        (bool(re.fullmatch(r"\+[1-9]\d{7,14}", to)), 21211, "Invalid 'To' Phone Number"),
        (len(body) <= 1600, 21617, "The message body exceeds the 1600 character limit."),
        (_is_address(form.get("StatusCallback")), 21609, "Invalid 'StatusCallback' URL"),
        (
            validity.isdecimal() and 1 <= int(validity) <= 36_000,
            20422,
            "ValidityPeriod is out of range.",
        ),
    ]
    for holds, code, words in checks:
        if not holds:
            return code, words
    return MAGIC.get(to)


def against_openapi(form: Mapping[str, str]) -> list[str]:
    """The violations of Twilio's document in a request; empty without the document."""
    document = openapi()
    if document is None:
        return []
    content = document["paths"][MESSAGES]["post"]["requestBody"]["content"]
    schema = {
        **content["application/x-www-form-urlencoded"]["schema"],
        "additionalProperties": False,
        "components": document["components"],
    }
    typed = {name: _typed(schema["properties"].get(name, {}), form[name]) for name in form}
    return _problems(schema, typed)


def answer_against_openapi(answer: Mapping[str, Any]) -> list[str]:
    """The violations of Twilio's document in our answer; empty without the document."""
    document = openapi()
    if document is None:
        return []
    components = _with_nulls(document["components"])
    schema = {"$ref": "#/components/schemas/api.v2010.account.message", "components": components}
    return _problems(schema, answer)


@cache
def openapi() -> dict[str, Any] | None:
    """Twilio's document on messages, if it is at hand."""
    beside = Path(__file__).parents[2].parent / "shared" / "twilio-messages-openapi.json"
    path = Path(os.environ.get("TWILIO_OPENAPI") or beside)
    return json.loads(path.read_text()) if path.is_file() else None


def _problems(schema: Mapping[str, Any], value: object) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    return [problem.message for problem in validator.iter_errors(value)]


def _is_address(url: str | None) -> bool:
    if url is None:
        return True
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme in ("http", "https") and bool(host) and "_" not in host


def _typed(schema: Mapping[str, Any], value: str) -> object:
    """A field of a form as the type that the document gives it."""
    match schema.get("type"):
        case "integer" if value.lstrip("-").isdecimal():
            return int(value)
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case "array":
            return [value]
    return value


def _with_nulls(part: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema lists null among the types."""
    if isinstance(part, list):
        return [_with_nulls(one) for one in part]
    if not isinstance(part, dict):
        return part
    whole = {name: _with_nulls(one) for name, one in part.items()}
    if whole.get("nullable") and isinstance(whole.get("type"), str):
        whole["type"] = [whole["type"], "null"]
    return whole
