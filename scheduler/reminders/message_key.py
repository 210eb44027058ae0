"""The key of a message: what the message is about, as one string with a unique index. Pure.

Two messages with one key are the same message, so the database refuses the second. A key only
identifies: facts about a message are columns. No other module builds, splits or compares parts of
a key.

A subject (`12:345:29841120`) may be followed by the digest of a phone (`@5f2c...`), if the message
went to another phone first, and by `~2`, if it is the resend of a message that did not arrive.
"""

from datetime import datetime
from hashlib import sha256
from typing import NewType

from scheduler.infra.intervals import minute_of

MessageKey = NewType("MessageKey", str)

RESEND = "~2"
"""The end of the key of a resend."""

PHONE_MARK = "@"


def of_booking(rule_id: str, course_id: str, variant: str = "") -> MessageKey:
    """The message by which a rule confirms a course, once for each variant of the text."""
    return _join(rule_id, "course", course_id, *([variant] if variant else []))


def of_change(rule_id: str, course_id: str, changed_at: datetime) -> MessageKey:
    """The message by which a rule reports what the clinic changed in a course at one instant."""
    return _join(rule_id, "course", course_id, f"{changed_at:%Y%m%dT%H%M%S.%f}")


def of_appointment(rule_id: str, appointment_id: str, starts_at: datetime) -> MessageKey:
    """The message of a rule about an appointment. A new start makes it another message."""
    return _join(rule_id, appointment_id, minute_of(starts_at))


def of_phone_code(phone_code_id: int) -> MessageKey:
    """The message with a code that proves a phone."""
    return _join("code", phone_code_id)


def of_answer(reply_id: int, kind: str) -> MessageKey:
    """The answer of one kind to a reply."""
    return _join("answer", reply_id, kind)


def of_lost_link(request_id: int, course_id: int) -> MessageKey:
    """The message that brings the private link of a course again, once for each request."""
    return _join("link", request_id, course_id)


def of_offer(offer_id: int) -> MessageKey:
    """The message that offers a free time from the waitlist."""
    return _join("offer", offer_id)


def of_waitlist_page(entry_id: int) -> MessageKey:
    """The message with the private link of a waitlist entry."""
    return _join("waiting", entry_id)


def superseded(message_id: int) -> MessageKey:
    """A key for a message whose own key now belongs to another message."""
    return _join("superseded", message_id)


def for_phone(key: MessageKey, phone: str) -> MessageKey:
    """The key of the same message for this phone, after it went to another one."""
    return MessageKey(f"{key}{PHONE_MARK}{sha256(phone.encode()).hexdigest()[:12]}")


def resend_of(key: str) -> MessageKey:
    """The key of the message that repeats one that did not arrive."""
    return MessageKey(key + RESEND)


def is_resend(key: str) -> bool:
    """Whether the message repeats another one."""
    return key.endswith(RESEND)


def without_resend(key: str) -> MessageKey:
    """The key of the message that a resend repeats. Any other key stays as it is."""
    return MessageKey(key.removesuffix(RESEND))


def subject_of(key: str) -> MessageKey:
    """The key as the rules derive it, without the phone and without the mark of a resend."""
    return MessageKey(without_resend(key).partition(PHONE_MARK)[0])


def with_new_start(
    key: str, appointment_id: int, *, before: datetime, after: datetime
) -> MessageKey:
    """The key after an appointment keeps its wall time but starts at another instant.

    A key that does not name the appointment and its start stays as it is.
    """
    subject = subject_of(key)
    end = f":{appointment_id}:{minute_of(before)}"
    if not subject.endswith(end):
        return MessageKey(key)
    rest = key.removeprefix(subject)
    new_end = f":{appointment_id}:{minute_of(after)}"
    return MessageKey(f"{subject.removesuffix(end)}{new_end}{rest}")


def _join(*parts: str | int) -> MessageKey:
    return MessageKey(":".join(map(str, parts)))
