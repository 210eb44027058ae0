"""What a carrier of texts can do, and the few ways in which a call to it can end.

Accepted, refused, later, or unknown. An unknown must never be sent again before it is known: no
carrier can be told "this is the same text as a moment ago".
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from scheduler.infra.errors import Problem


class Refused(Problem):
    sentence = "The carrier will not take this text, now or ever."

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
        """The carrier's own number for it."""
        self.opted_out = opted_out
        """The owner of the phone wants no more texts from us."""
        self.bad_phone = bad_phone
        """This phone cannot get texts, whatever they say."""
        self.config = config
        """Nothing is wrong with this text: it may go once our settings are mended."""
        self.stops_all = stops_all
        """And until then every other would be refused too."""


class TryLater(Problem):
    sentence = "The text surely did not go out; a later try may succeed."

    slug = "text-later"

    def __init__(
        self, sentence: str | None = None, *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        """How long the carrier asked us to wait at least."""


class Unreached(TryLater):
    sentence = (
        "The carrier could not be reached, so the text surely did not go out. It is not to blame."
    )

    slug = "carrier-unreached"


class RateLimited(TryLater):
    sentence = "The carrier asks us to slow down, whatever the text."

    slug = "too-many-calls"


class Unknown(Problem):
    sentence = "The text may have gone out, or not. Find out before trying again."

    slug = "text-unknown"


class LeaseLost(Problem):
    sentence = "Too much time has passed since this text was claimed. It was not sent."

    slug = "lease-lost"


@dataclass(frozen=True)
class Accepted:
    """The carrier has taken the text, and calls it `sid`."""

    sid: str


@dataclass(frozen=True)
class Found:
    """What a carrier says of a text it has: its own name for it, how far it got, and why not."""

    sid: str
    status: str
    error_code: int | None = None


class Sender(Protocol):
    """A way to send texts. Calls may take some seconds: hold no transaction open meanwhile."""

    def send(
        self,
        *,
        to: str,
        text: str,
        receipt_url: str | None,
        valid_seconds: int,
        deadline: float | None = None,
    ) -> Accepted:
        """Hand over one text to a phone in E.164.

        It is not delivered after `valid_seconds`; none left: ValueError. Receipts are posted to
        `receipt_url`. `deadline` is a reading of `time.monotonic()`: a worker that was frozen since
        it claimed the text must not send it, for another may have by now: LeaseLost.

        Else Refused, TryLater or Unknown.
        """
        ...

    def find(
        self, *, to: str, text: str, since: datetime, known: Collection[str] = ()
    ) -> Found | None:
        """The text that an unknown call left with the carrier, or None if it left none.

        The first one to that phone with just these words since an aware instant, but for those
        whose `sid` is known to be another's. TryLater or Refused if it cannot be asked.
        """
        ...

    def fetch(self, sid: str) -> Found | None:
        """How far a text got; None if there is none. TryLater or Refused if it cannot be asked."""
        ...


@dataclass(frozen=True)
class Received:
    """A text that somebody sent to us. `sent_at` is aware, by the carrier's clock."""

    sid: str
    phone: str
    text: str
    sent_at: datetime
    pictures: int = 0


@runtime_checkable
class Inbox(Protocol):
    """A carrier that keeps what was texted to us, so that nothing is lost while we are down."""

    def received(self, *, since: datetime) -> Sequence[Received]:
        """What was texted to us since an aware instant, oldest first.

        TryLater or Refused if it cannot be asked.
        """
        ...
