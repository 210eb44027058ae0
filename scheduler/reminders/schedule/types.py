"""What the timing of texts is worked out from, and what comes out: plain values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple

Anchor = Literal["booked", "start", "end", "change"]
Which = Literal[
    "all", "first", "last", "each_phase", "every", "review", "moved", "cancelled", "reassigned"
]
Case = Literal["missed", "last", "first", "later"]
Quiet = Literal["earlier", "later", "ignore"]
News = Literal["free", "held", "stopped"]
Verdict = Literal["owed", "held", "gave_way", "too_late"]


@dataclass(frozen=True)
class Rule:
    """One kind of text: when it is due, until when it is of use, and what it gives way to.

    `offset_minutes` and `useful_minutes` are counted from the anchor: -1440 is a day before it.
    `which` session of a course it is for: the first or last, the first of `each_phase`, `every` so
    many, or those after which a `review` falls due. Once a course for the anchor `booked`, and once
    for each `change` by the clinic, which has `moved` sessions, only `cancelled` some, or
    `reassigned` them: at the same times somebody else gives them.

    A higher `priority` is kept when there are too many; `always` is kept whatever the budget, yet
    is counted; it gives way only where another text says the same: where we are late with several
    about a session, or the answer to a reply has told a new time.
    `asked` answers an act of the patient: not counted, and sent at any hour. `templates` are by
    language; where a case has words of its own, they stand in `cases`. `holds_from` is when the
    rule was made or its time changed: what had been due by then is not sent because of it, but
    what still prepares for a session is. `variant` tells a text about booking from another one by
    the same rule.
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

    def words(self, cases: Sequence[Case]) -> Mapping[str, str]:
        """The templates for a session: those of the first of its cases that has its own."""
        return next((self.cases[case] for case in cases if case in self.cases), self.templates)


class Giver(NamedTuple):
    """A practitioner by id, and since when they give a session; None: since it was agreed."""

    id: str
    since: datetime | None


@dataclass(frozen=True)
class AppointmentFacts:
    """One session of a course as far as texts go. Instants are aware, on whole UTC minutes.

    `live` is booked, confirmed, arrived or completed; `missed` is a no-show. `number` and `total`
    are what the patient reads: session 3 of 10. `news_at` is when the clinic last moved or
    cancelled it of its own accord; None where it never did, or the patient has since. `news` is
    held where too many would be told at once, until staff have confirmed or stopped it.

    `practitioner` is the name of who gives it. `givers` are who gave it at this time, as long as
    it was the clinic that changed them: first whom the patient knew of, last who gives it now.
    `reassignment` is to the last of these changes what `news` is to `news_at`.
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
    news_at: datetime | None = None
    news: News = "free"
    phase: int = 1
    review: bool = False
    practitioner: str = ""
    givers: Sequence[Giver] = ()
    reassignment: News = "free"

    @property
    def reassigned_at(self) -> datetime | None:
        """When the clinic gave it to somebody else, the last time; None where it never did."""
        return self.givers[-1].since if self.givers else None


@dataclass(frozen=True)
class Sent:
    """A text that went to this telephone, or may have: its key, when, and whether it was asked.

    `appointment_id`: the session that it was about. `told`: where it is the answer to a reply that
    surely went, or is just under way, the start of the session that it told.
    """

    key: str
    at: datetime
    asked: bool = False
    appointment_id: str = ""
    told: datetime | None = None


@dataclass(frozen=True)
class Budget:
    """How many unasked texts one telephone may get: on one local day, in 7 local days in a row."""

    per_day: int = 1
    per_week: int = 3


@dataclass(frozen=True)
class DueMessage:
    """One text: due at `due_at`, of no more use from `expires_at` on; aware UTC instants.

    Sent when it is due or, if that is past, now, it must not arrive after `not_after`: then it is
    of no more use, or the quiet hours begin. `reason` is a sentence for staff where the verdict is
    not `owed`, else empty. `cases` say what is special about the session, the most telling first.
    """

    key: str
    rule: Rule
    visit: AppointmentFacts
    due_at: datetime
    expires_at: datetime
    not_after: datetime
    first_due: datetime
    """when it is due if nobody is late: before that nobody can have sent it"""
    verdict: Verdict = "owed"
    reason: str = ""
    cases: tuple[Case, ...] = ()

    @property
    def changed_at(self) -> datetime | None:
        """When the clinic made the change that the text tells of; None where it tells of none."""
        return changed_at(self.rule, self.visit) if self.rule.anchor == "change" else None


def changed_at(rule: Rule, visit: AppointmentFacts) -> datetime | None:
    """When the clinic made the change of a session that a rule tells of."""
    return visit.reassigned_at if rule.which == "reassigned" else visit.news_at
