"""The values that the rules about messages take and return. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple

from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.reasons import Reason

Anchor = Literal["booked", "start", "end", "change"]
Which = Literal[
    "all", "first", "last", "each_phase", "every", "review", "moved", "cancelled", "reassigned"
]
Case = Literal["missed", "last", "first", "later"]
Quiet = Literal["earlier", "later", "ignore"]


class Decision(StrEnum):
    """Whether a message goes out when it is due. HELD waits until staff confirm a bulk text."""

    SEND = "send"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class Review(StrEnum):
    """Whether a notice of a change may go out, or is part of a bulk text that staff review."""

    NOT_NEEDED = "not needed"
    PENDING = "pending"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Rule:
    """When one kind of message is due and expires, and which limits apply to it.

    `offset_minutes` and `useful_minutes` count from the anchor: -1440 is a day before it. `which`
    says for which appointments of a course: the first, the last, the first of `each_phase`, every
    n-th (`every`), or those after which a `review` falls due. A rule with the anchor `booked`
    applies once to a course. A rule with the anchor `change` applies once to each change by the
    clinic that `moved` appointments, only `cancelled` some, or `reassigned` them to another
    practitioner at the same time.

    If the limits leave no room for all messages, those with a higher `priority` go out. `always`
    exempts a message from the limits, although it counts. It is suppressed only if another message
    says the same. `asked` marks an answer to something the patient did: it does not count, and it
    goes out at any hour.

    `templates` are by language; `cases` hold other templates for special appointments. `holds_from`
    is when the rule was added or its timing changed. Messages that were due before are not sent
    because of it, except those that still prepare for an appointment. `variant` distinguishes two
    messages about booking that the same rule sends.
    """

    id: str
    kind: str
    anchor: Anchor
    offset_minutes: int
    which: Which
    quiet: Quiet
    useful_minutes: int
    priority: int
    always: bool = False
    asked: bool = False
    variant: str = ""
    every: int = 1
    holds_from: datetime | None = None
    templates: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    cases: Mapping[str, Mapping[str, str]] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )

    @property
    def reports_time(self) -> bool:
        """Whether the rule reports that the clinic moved or cancelled an appointment."""
        return self.anchor == "change" and self.which in {"moved", "cancelled"}

    @property
    def reminds(self) -> bool:
        """Whether the rule announces an appointment before it starts."""
        return self.anchor == "start" and self.offset_minutes < 0

    def templates_for(self, cases: Sequence[Case]) -> Mapping[str, str]:
        """The templates of the first case that has its own, else the ordinary ones."""
        return next((self.cases[case] for case in cases if case in self.cases), self.templates)


class PractitionerSince(NamedTuple):
    """A practitioner, and when the clinic assigned the appointment to them. None: at booking."""

    practitioner_id: str
    since: datetime | None


@dataclass(frozen=True)
class AppointmentFacts:
    """The facts about one appointment that the rules use. Instants are aware, on whole UTC minutes.

    `live` is booked, confirmed, arrived or completed; `missed` is a no-show. `number` and `total`
    are what the patient reads: session 3 of 10.

    `changed_at` is when the clinic last moved or cancelled the appointment; None if it never did,
    or if the patient has changed it since. `starts_before` are the starts that the patient may
    still expect. `obstacle` says why the patient may not be texted, so that staff call.
    `change_review` says whether the notice of that change
    may go out. `practitioners` lists everyone the clinic assigned since the appointment has this
    time: first the one the patient knew of, last the current one, whose name is `practitioner`.
    `reassignment_review` belongs to the latest of these changes.
    """

    course_id: str
    appointment_id: str
    patient_id: str
    number: int
    total: int
    starts_at: datetime
    ends_at: datetime
    booked_at: datetime
    live: bool
    missed: bool
    language: str
    rules: Sequence[Rule]
    changed_at: datetime | None = None
    starts_before: Sequence[datetime] = ()
    obstacle: Reason | None = None
    change_review: Review = Review.NOT_NEEDED
    phase: int = 1
    review: bool = False
    practitioner: str = ""
    practitioners: Sequence[PractitionerSince] = ()
    reassignment_review: Review = Review.NOT_NEEDED

    @property
    def reassigned_at(self) -> datetime | None:
        """When the clinic last assigned another practitioner; None if it never did."""
        return self.practitioners[-1].since if self.practitioners else None


@dataclass(frozen=True)
class SentMessage:
    """A message that went to this phone, or may have.

    `key` is None if it did not arrive and is sent again: it counts, but it has not been read.
    `told_start` is the start that an answer to a reply gave for the appointment. It is None for all
    other messages, and for answers that may not have gone out.
    """

    key: MessageKey | None
    at: datetime
    asked: bool = False
    rule_id: str = ""
    appointment_id: str = ""
    told_start: datetime | None = None


@dataclass(frozen=True)
class Budget:
    """How many unasked messages one phone may get on a local day and in 7 local days in a row."""

    per_day: int = 1
    per_week: int = 3


@dataclass(frozen=True)
class DueMessage:
    """One message: due at `due_at`, expired from `expires_at` on. Instants are aware, UTC.

    A message that is sent at `due_at`, or now if that is past, must arrive before `not_after`,
    when it expires or the quiet hours begin. `reason` is set unless the decision is to send it.
    `cases` say what is special about the appointment, the most telling first.
    """

    key: MessageKey
    rule: Rule
    appointment: AppointmentFacts
    due_at: datetime
    expires_at: datetime
    not_after: datetime
    first_due: datetime
    """when it would be due without any delay: it cannot have been sent before"""
    decision: Decision = Decision.SEND
    reason: Reason | None = None
    cases: tuple[Case, ...] = ()

    @property
    def changed_at(self) -> datetime | None:
        """When the clinic made the change that the message reports; None if it reports none."""
        if self.rule.anchor != "change":
            return None
        return change_reported_by(self.rule, self.appointment)


def change_reported_by(rule: Rule, appointment: AppointmentFacts) -> datetime | None:
    """When the clinic made the change of an appointment that a rule reports."""
    is_reassignment = rule.which == "reassigned"
    return appointment.reassigned_at if is_reassignment else appointment.changed_at
