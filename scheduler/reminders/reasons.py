"""Why a message was not sent: one name for each reason, with the sentence that staff read. Pure.

Messages store the sentence, so that staff read the same words years later. No code reads it.
"""

from datetime import datetime
from enum import StrEnum

from scheduler.i18n import languages

REASONS_LANGUAGE = languages.of("en")


class Reason(StrEnum):
    """A reason. Its value is the sentence, with placeholders for what `sentence` fills in."""

    # The recipient
    OPTED_OUT = "The phone asked for no more texts."
    NO_CONSENT = "The patient does not agree to texts."
    NOT_TEXTABLE = "This phone cannot be texted."
    OTHER_PHONE = "The patient has another phone now."
    FEWER_TEXTS = "The patient wants fewer texts."

    # The rule and the appointment
    RULE_INACTIVE = "The clinic no longer sends this text."
    NEEDS_CLEARANCE = "The course waits for a practitioner's clearance."
    CANCELLED = "The session was cancelled."
    MISSED = "The session was missed."
    MOVED = "The session was moved."
    OUTDATED = "It no longer holds."

    # Limits and other messages
    HELD_FOR_REVIEW = "Waits for confirmation: very many people would be texted at once."
    STOPPED_BY_STAFF = "Staff stopped this text to many."
    DAILY_CAP = "Gave way: no more than {per_day} a day to one phone."
    WEEKLY_CAP = "Gave way: no more than {per_week} in 7 days to one phone."
    CAUGHT_UP = "Gave way: it was late, and another text about this session replaced it."
    ANSWERED = "Said already: the answer to a reply has announced the new time."
    TOLD_BY_OTHER_TEXT = "Another text has announced the new time."
    FIRST_TEXT_ARRIVED = "The first text arrived after all."

    # Time
    EXPIRED = "Too late: not useful after {expires_at}."
    NOT_SENT_IN_TIME = "It could not be sent while it was useful."

    # The waitlist
    OFFER_OVER = "The offer is over."
    OFFER_AT_NIGHT = "No offers are made at night."
    NOT_WAITING = "The patient is no longer waiting."

    # Sending
    WORKER_STOPPED = "The worker that was sending it stopped."
    PROGRAM_FAILED = "The program failed on this text. Please find out why."
    STOP_CONFIRMED_BY_CARRIER = "The carrier has confirmed the STOP itself."


class GaveWayTo(StrEnum):
    """What a message gave way to. The values are stored."""

    DAILY_CAP = "daily_cap"
    WEEKLY_CAP = "weekly_cap"
    OTHER_TEXT = "other_text"


GAVE_WAY_TO = {
    Reason.DAILY_CAP: GaveWayTo.DAILY_CAP,
    Reason.WEEKLY_CAP: GaveWayTo.WEEKLY_CAP,
    Reason.CAUGHT_UP: GaveWayTo.OTHER_TEXT,
}


def sentence(reason: Reason, *, per_day: int, per_week: int, expires_at: datetime) -> str:
    """The sentence for a reason that the rules gave. `expires_at` is in the clinic's zone."""
    match reason:
        case Reason.DAILY_CAP:
            return reason.value.format(per_day=_texts(per_day))
        case Reason.WEEKLY_CAP:
            return reason.value.format(per_week=_texts(per_week))
        case Reason.EXPIRED:
            wall_time = f"{REASONS_LANGUAGE.date(expires_at)} {REASONS_LANGUAGE.time(expires_at)}"
            return reason.value.format(expires_at=wall_time)
        case _:
            return reason.value


def _texts(number: int) -> str:
    return f"{number} text" if number == 1 else f"{number} texts"
