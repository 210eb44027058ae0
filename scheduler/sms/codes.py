"""Twilio's error codes, and the policy for each. Pure.

The codes are from Twilio's error list as of November 2026. Some come in the answer to a call, some
only in a delivery report; a code means the same in both. Twilio adds codes without notice. A code
without a row here goes before staff and is never retried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Policy(StrEnum):
    """The treatment of a message after an error."""

    NEVER = "never"
    """Do not retry. Staff may call instead."""
    FLAG = "flag"
    """No text reaches this phone: mark the patient."""
    OPTED_OUT = "opted out"
    """The phone has opted out: record it."""
    MEND = "mend"
    """A setting is wrong for messages like this one: wait until it is fixed."""
    STOP = "stop"
    """Our account or sender is wrong for all messages: pause sending until it is fixed."""
    LATER = "later"
    """Certainly not delivered: retry after `wait`."""
    ONCE = "once"
    """It may have been delivered: resend once after `wait`."""
    UNKNOWN = "unknown"
    """The carrier may have taken it: look it up first."""


@dataclass(frozen=True)
class Meaning:
    """The policy for an error, and the sentence for staff."""

    policy: Policy
    sentence: str
    wait: timedelta = timedelta(0)

    @property
    def tries_again(self) -> bool:
        """Whether to resend after a delivery report with this error."""
        return self.policy in {Policy.LATER, Policy.ONCE}


SOON = timedelta(minutes=5)
HALF_AN_HOUR = timedelta(minutes=30)
AN_HOUR = timedelta(hours=1)
NEXT_WINDOW = timedelta(hours=12)

_BAD_NUMBER = Meaning(Policy.FLAG, "This is not a number that can get texts.")
_NOT_MOBILE = "This phone cannot get texts; it may be a landline."
_EMPTY = Meaning(Policy.NEVER, "The text was empty.")
_SENDER = Meaning(
    Policy.STOP, "Our sending number is not set up for this. Check the Twilio settings."
)
_UNREGISTERED = Meaning(
    Policy.STOP,
    "Our sending number is not registered with the networks. Check the Twilio console.",
)
_OUR_MISTAKE = Meaning(Policy.NEVER, "Twilio found a mistake in how we sent this.")
_UNCLEAR = Meaning(Policy.UNKNOWN, "Twilio had trouble: it may have taken the text, or not.")
_NETWORK = Meaning(Policy.ONCE, "The network had trouble and may not have delivered it.", SOON)

CODES: Mapping[int, Meaning] = MappingProxyType({
    20003: Meaning(Policy.STOP, "Twilio does not accept our credentials."),
    20404: Meaning(Policy.NEVER, "Twilio has no such message or account."),
    20422: _OUR_MISTAKE,
    20429: Meaning(Policy.LATER, "Twilio is too busy just now."),
    20500: _UNCLEAR,
    20503: _UNCLEAR,
    21211: _BAD_NUMBER,
    21212: _SENDER,
    21217: _BAD_NUMBER,
    21401: _BAD_NUMBER,
    21407: _BAD_NUMBER,
    21408: Meaning(Policy.MEND, "Texts to this country are not enabled at Twilio."),
    21421: _BAD_NUMBER,
    21601: _SENDER,
    21602: _EMPTY,
    21603: _SENDER,
    21604: Meaning(Policy.NEVER, "There was no number to send to."),
    21606: _SENDER,
    21608: Meaning(
        Policy.MEND, "A Twilio trial account can text only numbers that were verified there."
    ),
    21609: Meaning(Policy.STOP, "Twilio rejects our address for reports. Check PUBLIC_URL."),
    21610: Meaning(
        Policy.OPTED_OUT, "The owner of this phone has opted out of texts; START brings them back."
    ),
    21611: Meaning(Policy.LATER, "Too many texts wait at Twilio for our number.", HALF_AN_HOUR),
    21612: Meaning(Policy.FLAG, "No text can reach this number from ours."),
    21614: Meaning(Policy.FLAG, "This number is not a mobile phone."),
    21617: Meaning(Policy.NEVER, "The text was too long."),
    21619: _EMPTY,
    21635: Meaning(Policy.FLAG, "This number is a landline."),
    21703: _SENDER,
    21704: _SENDER,
    21705: _SENDER,
    30001: Meaning(Policy.LATER, "The carrier had too many texts waiting.", HALF_AN_HOUR),
    30002: Meaning(Policy.STOP, "Our account at Twilio is suspended."),
    30003: Meaning(Policy.LATER, "The phone was off or out of reach.", AN_HOUR),
    30004: Meaning(Policy.OPTED_OUT, "The network blocks texts to this phone."),
    30005: Meaning(Policy.FLAG, "There is no such phone."),
    30006: Meaning(Policy.FLAG, _NOT_MOBILE),
    30007: Meaning(Policy.NEVER, "The network filtered this text as spam. Check its wording."),
    30008: Meaning(Policy.ONCE, "The network could not deliver it and did not say why.", SOON),
    30017: _NETWORK,
    30022: Meaning(Policy.LATER, "The network lets us send no more just now.", AN_HOUR),
    30023: Meaning(Policy.LATER, "The network lets us send no more today.", NEXT_WINDOW),
    30024: _UNREGISTERED,
    30032: _UNREGISTERED,
    30034: _UNREGISTERED,
    30035: _UNREGISTERED,
    # Its validity ended before the quiet hours. It may still be useful after them.
    30036: Meaning(Policy.LATER, "It waited at the carrier for too long.", SOON),
    30410: _NETWORK,
    30450: Meaning(
        Policy.LATER,
        "Twilio blocked texts to this region to prevent misuse (SMS pumping).",
        HALF_AN_HOUR,
    ),
    30500: _NETWORK,
    30610: Meaning(Policy.LATER, "Twilio does not deliver at this hour.", NEXT_WINDOW),
    30640: Meaning(Policy.OPTED_OUT, "Twilio advises against texting this phone."),
    35111: _OUR_MISTAKE,
    35114: _OUR_MISTAKE,
    35118: _OUR_MISTAKE,
})  # fmt: skip

ALARMING = frozenset({30007, 35111, 35114, 35118, 20422})
"""Codes that staff cannot fix by a phone call. They are logged as errors for the operator."""


def meaning(code: int | None, status: int = 400) -> Meaning:
    """The meaning of an error code. `status` is the HTTP status of the answer, if there was one."""
    if code is not None and code in CODES:
        return CODES[code]
    if status in {401, 403}:
        return CODES[20003]
    if status < 400:
        return Meaning(Policy.STOP, "Twilio's address redirects us. Check TWILIO_API_URL.")
    return Meaning(
        Policy.NEVER,
        f"The carrier reported error {code}, which has no rule yet. Please look it up.",
    )
