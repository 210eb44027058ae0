"""The interface of a carrier, and the outcomes of a call to it.

A call ends as accepted, refused, later or unknown. A message with an unknown outcome must not be
sent again until the outcome is known: carriers do not accept idempotency keys.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from scheduler.infra.errors import Problem


class Refused(Problem):
    sentence = "The carrier refuses this message. Trying again does not help."

    slug = "text-refused"

    def __init__(
        self,
        code: int | None,
        sentence: str | None = None,
        *,
        opted_out: bool = False,
        bad_phone: bool = False,
        config: bool = False,
        stops_all: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        """The carrier's error code."""
        self.opted_out = opted_out
        """The owner of the phone has opted out."""
        self.bad_phone = bad_phone
        """This phone cannot receive texts."""
        self.config = config
        """The message is fine, but our settings are wrong. It may be sent once they are fixed."""
        self.stops_all = stops_all
        """The carrier would refuse every other message too."""


class TryLater(Problem):
    sentence = "The message was not sent. A later try may succeed."

    slug = "text-later"

    def __init__(
        self, sentence: str | None = None, *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        """The shortest wait that the carrier asked for."""


class Unreached(TryLater):
    sentence = "The carrier could not be reached, so the message was not sent."

    slug = "carrier-unreached"


class RateLimited(TryLater):
    sentence = "The carrier asks us to send more slowly."

    slug = "too-many-calls"


class Unknown(Problem):
    sentence = "The message may have been sent. Check before trying again."

    slug = "text-unknown"


class LeaseLost(Problem):
    sentence = "The message was not sent, because its lease ran out before the call began."

    slug = "lease-lost"


@dataclass(frozen=True)
class Accepted:
    """The carrier has taken the message under the id `sid`."""

    sid: str


@dataclass(frozen=True)
class Found:
    """A message as the carrier reports it: id, status and error code."""

    sid: str
    status: str
    error_code: int | None = None


def is_same_text(body: str, text: str, *, varying: str = "") -> bool:
    """Whether a message on the carrier's list has a text; `varying` as in `Sender.find`. Pure.

    A trial account puts a line before the text.
    """
    if not varying:
        return body.endswith(text)
    another_word = rf"[A-Za-z0-9_-]{{{len(varying)}}}"
    pattern = another_word.join(map(re.escape, text.split(varying)))
    return re.search(rf"{pattern}\Z", body) is not None


class Sender(Protocol):
    """Sends texts. A call may take seconds, so no transaction may be open during one."""

    def send(
        self,
        *,
        to: str,
        text: str,
        receipt_url: str | None,
        valid_seconds: int,
        deadline: float | None = None,
    ) -> Accepted:
        """Hand over one message to a phone in E.164.

        The carrier does not deliver it after `valid_seconds`; less than 1 raises ValueError.
        Delivery reports are posted to `receipt_url`. `deadline` is a reading of `time.monotonic()`:
        after it, the call raises LeaseLost, because another worker may have claimed the message.

        Otherwise raises Refused, TryLater or Unknown.
        """
        ...

    def find(
        self,
        *,
        to: str,
        text: str,
        since: datetime,
        known: Collection[str] = (),
        varying: str = "",
    ) -> Found | None:
        """The message that a call with an unknown outcome left at the carrier; None if none.

        This is the first message to that phone with this text since an aware instant, except those
        in `known`, which belong to other messages. `varying` is a part of the text that may be
        another word of the same length: the token of a link. Raises TryLater or Refused if the
        carrier cannot be asked.
        """
        ...

    def fetch(self, sid: str) -> Found | None:
        """The message with this id; None if there is none. Raises TryLater or Refused."""
        ...


@dataclass(frozen=True)
class Received:
    """A text sent to us. `sent_at` is aware, by the carrier's clock."""

    sid: str
    phone: str
    text: str
    sent_at: datetime
    pictures: int = 0


@runtime_checkable
class Inbox(Protocol):
    """A carrier that stores incoming texts, so that none is lost while this program is down."""

    def received(self, *, since: datetime) -> Sequence[Received]:
        """The texts sent to us since an aware instant, oldest first.

        Raises TryLater or Refused if the carrier cannot be asked.
        """
        ...
