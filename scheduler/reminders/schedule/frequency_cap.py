"""Which messages the earlier messages to the same phone suppress. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import due_times
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.schedule.types import (
    AppointmentFacts,
    Budget,
    Decision,
    DueMessage,
    SentMessage,
)


class AnsweredTimes:
    """The starts of appointments that answers to replies have given to one phone."""

    def __init__(self, sent: Iterable[SentMessage]) -> None:
        self._rules: dict[str, set[str]] = defaultdict(set)
        """by appointment, the rules whose messages went out"""
        self._told: dict[tuple[str, datetime], datetime] = {}
        for message in sorted(sent, key=lambda message: message.at):
            self._rules[message.appointment_id].add(message.rule_id)
            if message.told_start:
                self._told[message.appointment_id, message.told_start] = message.at

    def told_at(self, appointment: AppointmentFacts) -> datetime | None:
        """When an answer last gave the current start of an appointment.

        None if none did, or if the clinic has changed the appointment since.
        """
        at = self._told.get((appointment.appointment_id, appointment.starts_at))
        changed_at = appointment.changed_at
        return None if at and changed_at and at < changed_at else at

    def suppress_if_answered(self, message: DueMessage, quiet: QuietHours) -> DueMessage:
        """Suppress a message that would repeat the time that an answer has given.

        Those are the notice of a new time, and a reminder that was due before the answer. But a
        reminder goes out if the patient has never got it for this appointment, because its text may
        contain instructions by the clinic.
        """
        at = self.told_at(message.appointment)
        if at is None or not self._repeats(message, at, quiet):
            return message
        return replace(message, decision=Decision.SUPPRESSED, reason=Reason.ANSWERED)

    def _repeats(self, message: DueMessage, at: datetime, quiet: QuietHours) -> bool:
        rule, appointment = message.rule, message.appointment
        if rule.anchor == "change":
            return rule.which == "moved"
        is_known = rule.id in self._rules[appointment.appointment_id]
        was_due = due_times.nominal_by_day(rule, appointment, quiet) <= at
        return rule.reminds and is_known and was_due


class FrequencyCap:
    """Counts unasked messages to one phone by local day."""

    def __init__(self, budget: Budget, zone: ZoneInfo, sent: Iterable[SentMessage]) -> None:
        self._budget = budget
        self._zone = zone
        self._days: Counter[date] = Counter()
        self._last: dict[str, datetime] = {}
        """by appointment, when the last message about it went or will go out"""
        for message in sent:
            if not message.asked:
                self._count(message.appointment_id, message.at)

    def count(self, message: DueMessage, at: datetime) -> None:
        """Count a message that will go out at an instant."""
        self._count(message.appointment.appointment_id, at)

    def _count(self, appointment_id: str, at: datetime) -> None:
        self._days[self._day(at)] += 1
        self._last[appointment_id] = max(self._last.get(appointment_id, at), at)

    def is_caught_up(self, message: DueMessage) -> bool:
        """Whether another message about the appointment goes out after this one was due."""
        last = self._last.get(message.appointment.appointment_id)
        return last is not None and last >= message.due_at

    def exceeded(self, at: datetime) -> Reason | None:
        """The limit that one more message at an instant would exceed."""
        day = self._day(at)
        if self._days[day] >= self._budget.per_day:
            return Reason.DAILY_CAP
        weeks = (self._week(day - timedelta(days=back)) for back in range(7))
        return Reason.WEEKLY_CAP if any(n >= self._budget.per_week for n in weeks) else None

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def _week(self, first: date) -> int:
        return sum(self._days[first + timedelta(days=ahead)] for ahead in range(7))
