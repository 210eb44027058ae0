"""Which texts are owed to one telephone, and when: the one rule book of reminders. Pure.

Everything is derived from the calendar each time it is asked: a moved session has another key, a
cancelled one has none, and a text that is no longer in the answer must not be sent. Whether the
patient wants texts at all is asked before: no consent, no visits.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from scheduler.intervals import minute_of
from scheduler.reminders.quiet_hours import QuietHours
from scheduler.reminders.wording import ENGLISH

Anchor = Literal["booked", "start", "end", "change"]
Which = Literal["all", "first", "last", "moved", "cancelled"]
Quiet = Literal["earlier", "later", "ignore"]
Verdict = Literal["owed", "gave_way", "too_late"]


AWAKE = timedelta(minutes=30)
"""For so long after booking a text disturbs nobody's sleep."""


@dataclass(frozen=True)
class Rule:
    """One kind of text: when it is due, until when it is of use, and what it gives way to.

    `offset_minutes` and `useful_minutes` are counted from the anchor: -1440 is a day before it.
    `which` session of a course it is for; once a course for the anchor `booked`, and once for each
    `change` by the clinic, which has `moved` sessions or only `cancelled` some. A higher
    `priority` is kept when there are too many; `always` never gives way, yet is counted. `asked`
    answers an act of the patient: not counted, and sent at any hour. `templates` by language.
    `variant` tells a text about booking from another one by the same rule.
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
    templates: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True)
class Visit:
    """One session of a course as far as texts go. Instants are aware, on whole UTC minutes.

    `live` is booked, confirmed, arrived or completed; `missed` is a no-show. `number` and `total`
    are what the patient reads: session 3 of 10. `news_at` is when the clinic last moved or
    cancelled it of its own accord; None where it never did, or the patient has since.
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


@dataclass(frozen=True)
class Sent:
    """A text that went to this telephone, or may have: its key, when, and whether it was asked."""

    key: str
    at: datetime
    asked: bool = False


@dataclass(frozen=True)
class Budget:
    """How many unasked texts one telephone may get: on one local day, in 7 local days in a row."""

    per_day: int = 1
    per_week: int = 3


@dataclass(frozen=True)
class Owed:
    """One text: due at `due_at`, of no more use from `expires_at` on; aware UTC instants.

    `reason` is a sentence for staff where the verdict is not `owed`, else empty.
    """

    key: str
    rule: Rule
    visit: Visit
    due_at: datetime
    expires_at: datetime
    verdict: Verdict = "owed"
    reason: str = ""


def owed(
    visits: Iterable[Visit],
    *,
    sent: Iterable[Sent],
    budget: Budget,
    quiet: QuietHours,
    zone: ZoneInfo,
    now: datetime,
) -> list[Owed]:
    """What one telephone is still owed, by due time; what was sent is left out.

    Give all visits of each course, past and cancelled ones too: which session is the first
    depends on them. A text overdue in the quiet hours is due again when they end. One that would
    be too late then, of a session that was booked just now, is due at once all the same.
    """
    sent = list(sent)
    gone = {text.key for text in sent}
    texts = {
        text.key: text
        for text in (_text(rule, visit, quiet, zone, now) for rule, visit in _occasions(visits))
        if text.key not in gone
    }
    ledger = _Ledger(budget, zone, (text.at for text in sent if not text.asked))
    judged = [
        _judged(text, ledger, now) if text.verdict == "owed" and not text.rule.asked else text
        for text in sorted(texts.values(), key=_rank)
    ]
    return sorted(judged, key=lambda text: (text.due_at, text.key))


def _occasions(visits: Iterable[Visit]) -> Iterator[tuple[Rule, Visit]]:
    """Each rule with each visit it speaks of."""
    visits = list(visits)
    yield from _news(visits)
    attended = sorted(
        (visit for visit in visits if visit.live and not visit.missed),
        key=lambda visit: (visit.course_id, visit.starts_at, visit.appointment_id),
    )
    for _, course in groupby(attended, key=lambda visit: visit.course_id):
        yield from _occasions_of_course(list(course))


def _news(visits: list[Visit]) -> Iterator[tuple[Rule, Visit]]:
    """What the clinic changed and has to tell: each change once, about the first of its sessions.

    A session that was over when it was changed is no news.
    """
    changes: dict[tuple[str, datetime], list[Visit]] = defaultdict(list)
    for visit in visits:
        if visit.news_at is not None and visit.starts_at > visit.news_at and not visit.missed:
            changes[visit.course_id, visit.news_at].append(visit)
    for changed in changes.values():
        moved = [visit for visit in changed if visit.live]
        visit = min(moved or changed, key=lambda each: (each.starts_at, each.appointment_id))
        for rule in visit.rules:
            if rule.anchor == "change" and rule.which == ("moved" if moved else "cancelled"):
                yield rule, visit


def _occasions_of_course(course: list[Visit]) -> Iterator[tuple[Rule, Visit]]:
    first, last = course[0], course[-1]
    for visit in course:
        for rule in visit.rules:
            if rule.anchor == "booked":
                fits = visit is _first_to_come(course)
            elif rule.anchor == "change":
                fits = False
            else:
                fits = rule.which == "all" or visit is (first if rule.which == "first" else last)
            if fits:
                yield rule, visit


def _first_to_come(course: list[Visit]) -> Visit | None:
    """The first session that was still to come when it was booked: staff may enter past ones."""
    return next((visit for visit in course if visit.starts_at > visit.booked_at), None)


def _text(rule: Rule, visit: Visit, quiet: QuietHours, zone: ZoneInfo, now: datetime) -> Owed:
    due = _due(rule, visit, quiet, now)
    expires = _expires(rule, visit)
    if max(due, now) < expires:
        return Owed(_key(rule, visit), rule, visit, due, expires)
    local = expires.astimezone(zone)
    reason = f"Too late: of no use from {ENGLISH.date(local)} {ENGLISH.time(local)} on."
    return Owed(_key(rule, visit), rule, visit, due, expires, "too_late", reason)


def _key(rule: Rule, visit: Visit) -> str:
    if rule.anchor == "booked":
        key = f"{rule.id}:course:{visit.course_id}"
        return f"{key}:{rule.variant}" if rule.variant else key
    if rule.anchor == "change":
        return f"{rule.id}:course:{visit.course_id}:{_anchor(rule, visit):%Y%m%dT%H%M%S.%f}"
    return f"{rule.id}:{visit.appointment_id}:{minute_of(visit.starts_at)}"


def _anchor(rule: Rule, visit: Visit) -> datetime:
    match rule.anchor:
        case "booked":
            return visit.booked_at
        case "start":
            return visit.starts_at
        case "end":
            return visit.ends_at
        case "change":
            return visit.news_at or visit.booked_at


def _due(rule: Rule, visit: Visit, quiet: QuietHours, now: datetime) -> datetime:
    wished = _anchor(rule, visit) + timedelta(minutes=rule.offset_minutes)
    if rule.asked:
        return max(wished, visit.booked_at)
    if rule.quiet == "earlier":
        wished = quiet.earlier(wished)
    elif rule.quiet == "later":
        wished = quiet.later(wished)
    # Nothing is said of a session before it is booked, and the quiet hours bind that text too.
    due = max(wished, visit.booked_at)
    if _only_at_once(rule, visit, wished, quiet, now):
        return visit.booked_at
    if rule.quiet != "ignore":
        due = quiet.later(due)
        if due <= now and now in quiet:
            # We were late (a carrier down, a worker off): not in the middle of the night then.
            due = quiet.later(now)
    return due


def _only_at_once(
    rule: Rule, visit: Visit, wished: datetime, quiet: QuietHours, now: datetime
) -> bool:
    """Whether a text that was wished for before the booking can go only right after it.

    Booked late in the evening for the next morning, it would be too late once the quiet hours are
    over; but who has just booked is awake.
    """
    booked = visit.booked_at
    return (
        rule.quiet == "earlier"
        and rule.anchor == "start"
        and wished <= booked
        and booked in quiet
        and quiet.later(booked) >= _expires(rule, visit)
        and now - booked < AWAKE
    )


def _expires(rule: Rule, visit: Visit) -> datetime:
    expires = _anchor(rule, visit) + timedelta(minutes=rule.useful_minutes)
    return expires if rule.anchor in {"start", "end"} else min(expires, visit.starts_at)


def _rank(text: Owed) -> tuple[bool, int, datetime, str]:
    """Who is given a place first: those that never give way, then the most useful."""
    return (not text.rule.always, -text.rule.priority, text.due_at, text.key)


def _judged(text: Owed, ledger: "_Ledger", now: datetime) -> Owed:
    instant = max(text.due_at, now)
    reason = "" if text.rule.always else ledger.objection(instant)
    if reason:
        return Owed(
            text.key, text.rule, text.visit, text.due_at, text.expires_at, "gave_way", reason
        )
    ledger.enter(instant)
    return text


class _Ledger:
    """Counts unasked texts by local day."""

    def __init__(self, budget: Budget, zone: ZoneInfo, sent: Iterable[datetime]) -> None:
        self._budget = budget
        self._zone = zone
        self._days = Counter(map(self._day, sent))

    def enter(self, instant: datetime) -> None:
        self._days[self._day(instant)] += 1

    def objection(self, instant: datetime) -> str:
        """Why one more text then would be too many; empty if it would not."""
        day, budget = self._day(instant), self._budget
        if self._days[day] >= budget.per_day:
            return f"Gave way: no more than {_texts(budget.per_day)} a day to one phone."
        if any(self._week(day - timedelta(days=back)) >= budget.per_week for back in range(7)):
            return f"Gave way: no more than {_texts(budget.per_week)} in 7 days to one phone."
        return ""

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(self._zone).date()

    def _week(self, first: date) -> int:
        return sum(self._days[first + timedelta(days=ahead)] for ahead in range(7))


def _texts(number: int) -> str:
    return f"{number} text" if number == 1 else f"{number} texts"
