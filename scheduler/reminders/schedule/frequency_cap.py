"""What one phone was texted already, and what that spares it or keeps from it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.reminders.schedule import due_times
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.schedule.types import AppointmentFacts, Budget, DueMessage, Sent

SAID = "Said already: the answer to a reply has told the new time."

LATE = "Gave way: we were late, and another text about this session took its place."


class AnsweredTimes:
    """What answers to replies have told of the sessions of one phone, and what that spares it."""

    def __init__(self, sent: Iterable[Sent]) -> None:
        self._rules_of: dict[str, set[str]] = defaultdict(set)
        self._told: dict[tuple[str, datetime], datetime] = {}
        for text in sorted(sent, key=lambda each: each.at):
            self._rules_of[text.appointment_id].add(text.key.partition(":")[0])
            if text.told:
                self._told[text.appointment_id, text.told] = text.at

    def about(self, visit: AppointmentFacts) -> datetime | None:
        """When it was told last that a session is when it is.

        None where it never was, or the clinic has changed it since.
        """
        at = self._told.get((visit.appointment_id, visit.starts_at))
        return None if at and visit.news_at and at < visit.news_at else at

    def spared(self, text: DueMessage, quiet: QuietHours) -> DueMessage:
        """The text, or that it gave way: it would say once more what an answer has said.

        So does the news of a new time, and a reminder whose time had come by then, if the patient
        has read its words before the session was moved: they may be the clinic's own.
        """
        rule, visit = text.rule, text.visit
        at = self.about(visit)
        if at is None:
            return text
        if rule.anchor == "change":
            is_said = rule.which == "moved"
        else:
            reminds = rule.anchor == "start" and rule.offset_minutes < 0
            is_known = rule.id in self._rules_of[visit.appointment_id]
            is_said = reminds and is_known and due_times.wished_by_day(rule, visit, quiet) <= at
        return replace(text, verdict="gave_way", reason=SAID) if is_said else text


class FrequencyCap:
    """Counts unasked texts by local day, and knows when each session was last texted about."""

    def __init__(self, budget: Budget, zone: ZoneInfo, sent: Iterable[Sent]) -> None:
        self._budget = budget
        self._zone = zone
        self._days: Counter[date] = Counter()
        self._last: dict[str, datetime] = {}
        for text in sent:
            if not text.asked:
                self._count(text.appointment_id, text.at)

    def enter(self, text: DueMessage, instant: datetime) -> None:
        self._count(text.visit.appointment_id, instant)

    def _count(self, appointment_id: str, instant: datetime) -> None:
        self._days[self._day(instant)] += 1
        last = self._last.get(appointment_id, instant)
        self._last[appointment_id] = max(last, instant)

    def caught_up(self, text: DueMessage) -> str:
        """Why a text that we are late with is one too many; empty if it is not."""
        last = self._last.get(text.visit.appointment_id)
        if last is not None and last >= text.due_at:
            return LATE
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
