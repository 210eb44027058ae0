"""What Twilio's error codes mean and what is done about each. Pure.

The codes are those of Twilio's error list as of November 2026. Some come in the answer to a call,
some only later in a receipt; a code means the same in both. Twilio adds codes without notice: one
that has no row here is looked at by a human and never tried again blindly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Policy(StrEnum):
    """What is done about a text that met with an error."""

    NEVER = "never"
    """this text is not tried again; somebody may call instead"""
    FLAG = "flag"
    """nor will others reach this phone: the patient is marked"""
    OPTED_OUT = "opted out"
    """the phone wants no texts: that is recorded"""
    MEND = "mend"
    """a setting is wrong for texts such as this one: it waits until that is mended"""
    STOP = "stop"
    """our account or sender is wrong for all texts: nothing is sent until that is mended"""
    LATER = "later"
    """surely not delivered; worth another try after `wait`"""
    ONCE = "once"
    """it may have been delivered or not; worth one more text after `wait`"""
    UNKNOWN = "unknown"
    """it may have been taken or not: find out first"""


@dataclass(frozen=True)
class Meaning:
    """What to do about an error, and the sentence for staff."""

    do: Policy
    sentence: str
    wait: timedelta = timedelta(0)

    @property
    def tries_again(self) -> bool:
        """Whether another text is worth it after a receipt said this."""
        return self.do in {Policy.LATER, Policy.ONCE}


SOON = timedelta(minutes=5)
HALF_AN_HOUR = timedelta(minutes=30)
AN_HOUR = timedelta(hours=1)
NEXT_WINDOW = timedelta(hours=12)

_BAD_NUMBER = Meaning(Policy.FLAG, "This is not a number that can get texts.")
_NOT_MOBILE = "This phone cannot get texts; it may be a landline."
_EMPTY = Meaning(Policy.NEVER, "The text was empty.")
_SENDER = Meaning(
    Policy.STOP, "Our sending number is not set up for this; look at the Twilio settings."
)
_UNREGISTERED = Meaning(
    Policy.STOP,
    "Our sending number is not registered with the networks; look at Twilio's console.",
)
_OUR_MISTAKE = Meaning(Policy.NEVER, "Twilio found a mistake in how we sent this.")
_UNCLEAR = Meaning(Policy.UNKNOWN, "Twilio had trouble: it may have taken the text, or not.")
_NETWORK = Meaning(Policy.ONCE, "The network had trouble and may not have delivered it.", SOON)

CODES: Mapping[int, Meaning] = MappingProxyType({
    20003: Meaning(Policy.STOP, "Twilio does not accept our credentials."),
    20404: Meaning(Policy.NEVER, "Twilio knows nothing of what was asked."),
    20422: _OUR_MISTAKE,
    20429: Meaning(Policy.LATER, "Twilio has too much to do just now."),
    20500: _UNCLEAR,
    20503: _UNCLEAR,
    21211: _BAD_NUMBER,
    21212: _SENDER,
    21217: _BAD_NUMBER,
    21401: _BAD_NUMBER,
    21407: _BAD_NUMBER,
    21408: Meaning(Policy.MEND, "Texts to this country are not switched on at Twilio."),
    21421: _BAD_NUMBER,
    21601: _SENDER,
    21602: _EMPTY,
    21603: _SENDER,
    21604: Meaning(Policy.NEVER, "There was no number to send to."),
    21606: _SENDER,
    21608: Meaning(
        Policy.MEND, "A trial account of Twilio can only text numbers that were verified there."
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
    30007: Meaning(Policy.NEVER, "The network took this text for spam: look at its words."),
    30008: Meaning(Policy.ONCE, "The network could not deliver it and did not say why.", SOON),
    30017: _NETWORK,
    30022: Meaning(Policy.LATER, "The network lets us send no more just now.", AN_HOUR),
    30023: Meaning(Policy.LATER, "The network lets us send no more today.", NEXT_WINDOW),
    30024: _UNREGISTERED,
    30032: _UNREGISTERED,
    30034: _UNREGISTERED,
    30035: _UNREGISTERED,
    # It may be of use once the quiet hours are over that it was not to arrive in.
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
"""Nothing that staff can mend by a call: whoever runs the program should know."""


def meaning(code: int | None, status: int = 400) -> Meaning:
    """What an error means; `status` is that of the answer, where it came in one."""
    if code is not None and code in CODES:
        return CODES[code]
    if status in {401, 403}:
        return CODES[20003]
    if status < 400:
        return Meaning(Policy.STOP, "Twilio's address sends us elsewhere; look at it.")
    return Meaning(Policy.NEVER, f"It failed (error {code}): a human should look.")
