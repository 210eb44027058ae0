"""A stand-in for Twilio on loopback: takes texts, signs receipts, and fails when told to."""

from tests.standin.faults import Fault
from tests.standin.message import TextMessage
from tests.standin.server import ACCOUNT, KEY, KEY_SECRET, SERVICE, TOKEN, Standin
from tests.standin.signature import sign

__all__ = [
    "ACCOUNT",
    "KEY",
    "KEY_SECRET",
    "SERVICE",
    "TOKEN",
    "Fault",
    "Standin",
    "TextMessage",
    "sign",
]
