"""Which texts are owed to one telephone, and when: the one rule book of reminders. Pure.

Everything is derived from the calendar each time it is asked: a moved session has another key, a
cancelled one has none, and a text that is no longer in the answer must not be sent. Whether the
patient wants texts at all is asked before: no consent, no visits.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from scheduler.intervals import minute_of
from scheduler.reminders.quiet_hours import QuietHours
from scheduler.reminders.wording import ENGLISH

Anchor = Literal["booked", "start", "end", "change"]
Which = Literal[
    "all", "first", "last", "each_phase", "every", "review", "moved", "cancelled", "reassigned"
]
Case = Literal["missed", "last", "first", "later"]
Quiet = Literal["earlier", "later", "ignore"]
News = Literal["free", "held", "stopped"]
Verdict = Literal["owed", "held", "gave_way", "too_late"]


AWAKE = timedelta(minutes=30)
"""For so long after booking a text disturbs nobody's sleep."""

WAITS = "Waits for confirmation: very many people would be texted at once."

STOPPED = "Staff stopped this text to many."

SAID = "Said already: the answer to a reply has told the new time."

AFTER_NEWS = timedelta(minutes=1)
"""So much later than the news of its new time a reminder of a session goes out at the earliest."""

CATCH_UP = timedelta(hours=1)
"""A text that goes out later than this after it was due is one that we catch up on."""


@dataclass(frozen=True)
class Rule:
    """One kind of text: when it is due, until when it is of use, and what it gives way to.

    `offset_minutes` and `useful_minutes` are counted from the anchor: -1440 is a day before it.
    `which` session of a course it is for: the first or last, the first of `each_phase`, `every` so
    many, or those after which a `review` falls due. Once a course for the anchor `booked`, and once
    for each `change` by the clinic, which has `moved` sessions, only `cancelled` some, or
    `reassigned` them: at the same times somebody else gives them.

    A higher `priority` is kept when there are too many; `always` never gives way, yet is counted.
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
class Visit:
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


class Told(NamedTuple):
    """What the answer to a reply has told: when a session is, in the words of this kind of text."""

    starts_at: datetime
    kind: str


@dataclass(frozen=True)
class Sent:
    """A text that went to this telephone, or may have: its key, when, and whether it was asked.

    `appointment_id`: the session that it was about. `told` is given where it surely went, or is
    just under way, and may make other texts needless.
    """

    key: str
    at: datetime
    asked: bool = False
    appointment_id: str = ""
    told: Told | None = None


@dataclass(frozen=True)
class Budget:
    """How many unasked texts one telephone may get: on one local day, in 7 local days in a row."""

    per_day: int = 1
    per_week: int = 3


@dataclass(frozen=True)
class Owed:
    """One text: due at `due_at`, of no more use from `expires_at` on; aware UTC instants.

    Sent when it is due or, if that is past, now, it must not arrive after `not_after`: then it is
    of no more use, or the quiet hours begin. `reason` is a sentence for staff where the verdict is
    not `owed`, else empty. `cases` say what is special about the session, the most telling first.
    """

    key: str
    rule: Rule
    visit: Visit
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
        return _changed_at(self.rule, self.visit) if self.rule.anchor == "change" else None


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
    depends on them. A text overdue in the quiet hours, or so shortly before them that it might
    arrive in them, is due again when they end. One that would be too late then, of a session that
    was booked just now, is due at once all the same. Of texts
    about one session that we are late with, one is caught up on: the most useful. What an answer to
    a reply has told is not told again.
    """
    sent = list(sent)
    gone = {text.key for text in sent}
    answers = _Answers(sent)
    texts = {
        text.key: answers.spared(text, quiet)
        for text in (_text(each, quiet, zone, now) for each in _occasions(visits, gone, answers))
        if text.key not in gone and not _is_before(text)
    }
    ledger = _Ledger(budget, zone, sent)
    judged = [
        _judged(text, ledger, now) if text.verdict == "owed" and not text.rule.asked else text
        for text in sorted(texts.values(), key=_rank)
    ]
    return sorted(judged, key=lambda text: (text.due_at, text.key))


class _Occasion(NamedTuple):
    """A rule with a visit that it speaks of."""

    rule: Rule
    visit: Visit
    cases: tuple[Case, ...] = ()


def _occasions(visits: Iterable[Visit], gone: Set[str], answers: "_Answers") -> Iterator[_Occasion]:
    """Each rule with each visit it speaks of. `gone`: the keys of texts that were sent."""
    visits = list(visits)
    yield from _news(visits, answers)
    yield from _reassignments(visits, gone)
    kept = sorted(
        (visit for visit in visits if visit.live or visit.missed),
        key=lambda visit: (visit.course_id, visit.starts_at, visit.appointment_id),
    )
    for _, course in groupby(kept, key=lambda visit: visit.course_id):
        yield from _occasions_of_course(list(course))


def _news(visits: list[Visit], answers: "_Answers") -> Iterator[_Occasion]:
    """What the clinic changed and has to tell: each change once, about the first of its sessions.

    Of those whose new time no answer has told, if there are any. A session that was over when it
    was changed is no news.
    """
    changes: dict[tuple[str, datetime], list[Visit]] = defaultdict(list)
    for visit in visits:
        if visit.news_at is not None and visit.starts_at > visit.news_at and not visit.missed:
            changes[visit.course_id, visit.news_at].append(visit)
    for changed in changes.values():
        moved = [visit for visit in changed if visit.live]
        untold = [visit for visit in moved if not answers.about(visit)]
        first = untold or moved or changed
        visit = min(first, key=lambda each: (each.starts_at, each.appointment_id))
        for rule in visit.rules:
            if rule.anchor == "change" and rule.which == ("moved" if moved else "cancelled"):
                yield _Occasion(rule, visit)


def _reassignments(visits: list[Visit], gone: Set[str]) -> Iterator[_Occasion]:
    """Who gives sessions now, at the same times: each change once, about the first of them.

    Where somebody gives it whom the patient was told of last, there is nothing to tell.
    """
    changes: dict[tuple[str, datetime], list[_Occasion]] = defaultdict(list)
    for visit in visits:
        since = visit.reassigned_at
        if since is not None and visit.starts_at > since and visit.live:
            for rule in visit.rules:
                if rule.which == "reassigned" and not _is_known(rule, visit, gone):
                    changes[rule.id + visit.course_id, since].append(_Occasion(rule, visit))
    for changed in changes.values():
        yield min(changed, key=lambda each: (each.visit.starts_at, each.visit.appointment_id))


def _is_known(rule: Rule, visit: Visit, gone: Set[str]) -> bool:
    """Whether the patient knows who gives a session: from booking it, or as told last."""
    first, *later = visit.givers
    told = [each for each in later if each.since and _news_key(rule, visit, each.since) in gone]
    return [first, *told][-1].id == later[-1].id


def _occasions_of_course(kept: list[Visit]) -> Iterator[_Occasion]:
    """Those of the sessions that a course has kept; the ones that were missed tell nothing more."""
    before = dict(zip(map(id, kept[1:]), kept, strict=False))
    course = [visit for visit in kept if not visit.missed]
    to_come = _first_to_come(course)
    for place, visit in enumerate(course):
        previous = before.get(id(visit))
        cases = _cases(place, len(course), after_missed=previous is not None and previous.missed)
        for rule in visit.rules:
            if rule.anchor == "booked":
                if visit is to_come:
                    yield _Occasion(rule, visit)
            elif rule.anchor != "change" and _is_for(rule, course, place):
                yield _Occasion(rule, visit, cases)


def _cases(place: int, total: int, *, after_missed: bool) -> tuple[Case, ...]:
    """What is special about a session of a course, the most telling first."""
    cases: list[tuple[Case, bool]] = [
        ("missed", after_missed),
        ("last", place == total - 1),
        ("first", place == 0),
        ("later", place > 0),
    ]
    return tuple(case for case, is_so in cases if is_so)


def _is_for(rule: Rule, course: list[Visit], place: int) -> bool:
    """Whether a rule is for the session in this place of those that take place."""
    match rule.which:
        case "first":
            return place == 0
        case "last":
            return place == len(course) - 1
        case "each_phase":
            return place == 0 or course[place].phase != course[place - 1].phase
        case "every":
            return (place + 1) % rule.every == 0
        case "review":
            return course[place].review
        case _:
            return True


def _first_to_come(course: list[Visit]) -> Visit | None:
    """The first session that was still to come when it was booked: staff may enter past ones."""
    return next((visit for visit in course if visit.starts_at > visit.booked_at), None)


def _text(occasion: _Occasion, quiet: QuietHours, zone: ZoneInfo, now: datetime) -> Owed:
    rule, visit, cases = occasion
    due, disturbs = _due(rule, visit, quiet, now)
    expires = _expires(rule, visit)
    latest = expires if disturbs else min(expires, quiet.next_start(max(due, now)))
    first_due = _due(rule, visit, quiet, visit.booked_at)[0]
    text = Owed(_key(rule, visit), rule, visit, due, expires, latest, first_due, cases=cases)
    if max(due, now) < expires:
        return _released(text)
    local = expires.astimezone(zone)
    reason = f"Too late: of no use from {ENGLISH.date(local)} {ENGLISH.time(local)} on."
    return replace(text, verdict="too_late", reason=reason)


def _released(text: Owed) -> Owed:
    """The text, unless it is news to too many. While it waits it takes no other text's place."""
    if text.rule.anchor != "change":
        return text
    reassigned = text.rule.which == "reassigned"
    news = text.visit.reassignment if reassigned else text.visit.news
    if news == "free":
        return text
    if news == "held":
        return replace(text, verdict="held", reason=WAITS)
    return replace(text, verdict="gave_way", reason=STOPPED)


def _is_before(text: Owed) -> bool:
    """Whether it was due before there was its rule: nobody is texted now about what is past."""
    since = text.rule.holds_from
    return since is not None and text.rule.anchor != "start" and text.due_at < since


def _key(rule: Rule, visit: Visit) -> str:
    if rule.anchor == "booked":
        key = f"{rule.id}:course:{visit.course_id}"
        return f"{key}:{rule.variant}" if rule.variant else key
    if rule.anchor == "change":
        return _news_key(rule, visit, _anchor(rule, visit))
    return f"{rule.id}:{visit.appointment_id}:{minute_of(visit.starts_at)}"


def _news_key(rule: Rule, visit: Visit, changed_at: datetime) -> str:
    return f"{rule.id}:course:{visit.course_id}:{changed_at:%Y%m%dT%H%M%S.%f}"


def _changed_at(rule: Rule, visit: Visit) -> datetime | None:
    return visit.reassigned_at if rule.which == "reassigned" else visit.news_at


def _anchor(rule: Rule, visit: Visit) -> datetime:
    match rule.anchor:
        case "booked":
            return visit.booked_at
        case "start":
            return visit.starts_at
        case "end":
            return visit.ends_at
        case "change":
            return _changed_at(rule, visit) or visit.booked_at


def _wished(rule: Rule, visit: Visit) -> datetime:
    return _anchor(rule, visit) + timedelta(minutes=rule.offset_minutes)


def _wished_by_day(rule: Rule, visit: Visit, quiet: QuietHours) -> datetime:
    wished = _wished(rule, visit)
    if rule.quiet == "earlier":
        return quiet.earlier(wished)
    return quiet.later(wished) if rule.quiet == "later" else wished


def _due(rule: Rule, visit: Visit, quiet: QuietHours, now: datetime) -> tuple[datetime, bool]:
    """When a text is due, and whether it may arrive in the quiet hours."""
    if rule.asked:
        return max(_wished(rule, visit), visit.booked_at), True
    wished = _wished_by_day(rule, visit, quiet)
    # The quiet hours bind also what waits until the session may be spoken of.
    due = max(wished, _spoken_of_from(rule, visit, quiet, now))
    if _only_at_once(rule, visit, wished, quiet, now):
        return visit.booked_at, True
    if rule.quiet == "ignore":
        return due, True
    due = quiet.roomy(due)
    if due <= now < (again := quiet.roomy(now)):
        # We were late (a carrier down, a worker off): not in the middle of the night then.
        due = again
    return due, False


def _spoken_of_from(rule: Rule, visit: Visit, quiet: QuietHours, now: datetime) -> datetime:
    """From when on a rule may speak of a session: it is booked, and its new time has been told.

    Else a reminder of the new time would be the first that the patient hears of it, and staff could
    not put a slip right before anybody is told.
    """
    if rule.anchor == "change" or visit.news_at is None:
        return visit.booked_at
    told = (
        _due(each, visit, quiet, now)[0] + AFTER_NEWS
        for each in visit.rules
        if each.anchor == "change" and each.which == "moved"
    )
    return max(told, default=visit.booked_at)


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
        and wished <= booked < quiet.roomy(booked)
        and quiet.roomy(booked) >= _expires(rule, visit)
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
    if now - text.due_at > CATCH_UP:
        reason = reason or ledger.caught_up(text)
    if reason:
        return replace(text, verdict="gave_way", reason=reason)
    ledger.enter(text, instant)
    return text


class _Answers:
    """What answers to replies have told of the sessions of one phone, and what that spares it."""

    def __init__(self, sent: Iterable[Sent]) -> None:
        self._rules_of: dict[str, set[str]] = defaultdict(set)
        self._told: dict[tuple[str, datetime], tuple[datetime, str]] = {}
        for text in sorted(sent, key=lambda each: each.at):
            self._rules_of[text.appointment_id].add(text.key.partition(":")[0])
            if text.told:
                about = text.appointment_id, text.told.starts_at
                self._told[about] = text.at, text.told.kind

    def about(self, visit: Visit) -> tuple[datetime, str] | None:
        """When it was told last that a session is when it is, and as which kind of text.

        None where it never was, or the clinic has changed it since.
        """
        told = self._told.get((visit.appointment_id, visit.starts_at))
        return None if told and visit.news_at and told[0] < visit.news_at else told

    def spared(self, text: Owed, quiet: QuietHours) -> Owed:
        """The text, or that it gave way: it would say once more what an answer has said.

        So does the news of a new time, and a reminder whose time had come by then, if its words
        are those of the answer, or the patient has read them before the session was moved.
        """
        rule, visit = text.rule, text.visit
        told = self.about(visit)
        if told is None:
            return text
        at, kind = told
        if rule.anchor == "change":
            is_said = rule.which == "moved"
        else:
            reminds = rule.anchor == "start" and rule.offset_minutes < 0
            is_known = rule.kind == kind or rule.id in self._rules_of[visit.appointment_id]
            is_said = reminds and is_known and _wished_by_day(rule, visit, quiet) <= at
        return replace(text, verdict="gave_way", reason=SAID) if is_said else text


class _Ledger:
    """Counts unasked texts by local day, and knows when each session was last texted about."""

    def __init__(self, budget: Budget, zone: ZoneInfo, sent: Iterable[Sent]) -> None:
        self._budget = budget
        self._zone = zone
        self._days: Counter[date] = Counter()
        self._last: dict[str, datetime] = {}
        for text in sent:
            if not text.asked:
                self._count(text.appointment_id, text.at)

    def enter(self, text: Owed, instant: datetime) -> None:
        self._count(text.visit.appointment_id, instant)

    def _count(self, appointment_id: str, instant: datetime) -> None:
        self._days[self._day(instant)] += 1
        last = self._last.get(appointment_id, instant)
        self._last[appointment_id] = max(last, instant)

    def caught_up(self, text: Owed) -> str:
        """Why a text that we are late with is one too many; empty if it is not."""
        last = self._last.get(text.visit.appointment_id)
        if last is not None and last >= text.due_at:
            return "Gave way: we were late, and another text about this session took its place."
        return ""

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
