"""Which messages are due to one phone, and when: the reminder rules, applied. Pure.

All messages are derived from the calendar each time. A moved appointment has another key and a
cancelled one has none, and a message that is no longer derived must not be sent. Patients who may
not be texted get none, but the notices of changes are derived, so that staff can call.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import due_times
from scheduler.reminders.schedule.frequency_cap import AnsweredTimes, FrequencyCap
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.schedule.triggers import Trigger, key_of, triggers
from scheduler.reminders.schedule.types import (
    AppointmentFacts,
    Budget,
    Decision,
    DueMessage,
    Review,
    SentMessage,
)

CATCH_UP = timedelta(hours=1)
"""A message that goes out more than this after it was due counts as late."""


def derive(
    appointments: Iterable[AppointmentFacts],
    *,
    sent: Iterable[SentMessage],
    budget: Budget,
    quiet: QuietHours,
    zone: ZoneInfo,
    now: datetime,
) -> list[DueMessage]:
    """All messages for one phone that were not sent yet, with the decision about each, by due time.

    Takes all appointments of every course, past and cancelled ones too, because which one is the
    first depends on them. A message that is overdue in the quiet hours, or so shortly before them
    that it might arrive in them, is due when they end. Only if that is too late for an appointment
    that was just booked, it is due at once. Of several late messages about one appointment only the
    most useful is sent. A message that repeats what an answer has given is suppressed.
    """
    sent = list(sent)
    sent_keys = {message.key for message in sent if message.key}
    answers = AnsweredTimes(sent)
    messages = {
        message.key: answers.suppress_if_answered(message, quiet)
        for message in (
            _message(trigger, quiet, now) for trigger in triggers(appointments, sent_keys, answers)
        )
        if message.key not in sent_keys and not _was_due_before_its_rule(message)
    }
    cap = FrequencyCap(budget, zone, sent)
    decided = [
        _within_limits(message, cap, now) for message in sorted(messages.values(), key=_rank)
    ]
    return sorted(decided, key=lambda message: (message.due_at, message.key))


def _message(trigger: Trigger, quiet: QuietHours, now: datetime) -> DueMessage:
    rule, appointment, cases = trigger
    due, may_disturb = due_times.due_at(rule, appointment, quiet, now)
    expires = due_times.expires_at(rule, appointment)
    latest = expires if may_disturb else min(expires, quiet.next_start(max(due, now)))
    first_due, _ = due_times.due_at(rule, appointment, quiet, appointment.booked_at)
    key = key_of(rule, appointment)
    message = DueMessage(key, rule, appointment, due, expires, latest, first_due, cases=cases)
    if appointment.obstacle and _review_of(message) != Review.STOPPED:
        return replace(message, decision=Decision.SUPPRESSED, reason=appointment.obstacle)
    if max(due, now) >= expires:
        return replace(message, decision=Decision.EXPIRED, reason=Reason.EXPIRED)
    return _reviewed(message)


def _reviewed(message: DueMessage) -> DueMessage:
    """Hold or suppress a notice that is part of a bulk text. While held it counts for no limit."""
    match _review_of(message):
        case Review.NOT_NEEDED:
            return message
        case Review.PENDING:
            return replace(message, decision=Decision.HELD, reason=Reason.HELD_FOR_REVIEW)
        case Review.STOPPED:
            return replace(message, decision=Decision.SUPPRESSED, reason=Reason.STOPPED_BY_STAFF)


def _review_of(message: DueMessage) -> Review:
    rule, appointment = message.rule, message.appointment
    if rule.anchor != "change":
        return Review.NOT_NEEDED
    is_reassignment = rule.which == "reassigned"
    return appointment.reassignment_review if is_reassignment else appointment.change_review


def _was_due_before_its_rule(message: DueMessage) -> bool:
    """Whether the message was due before the rule existed. Such messages are not sent."""
    since = message.rule.holds_from
    return since is not None and message.rule.anchor != "start" and message.due_at < since


def _rank(message: DueMessage) -> tuple[bool, int, datetime, MessageKey]:
    """The order in which messages use up the limits."""
    rule = message.rule
    return not rule.always, -rule.priority, message.due_at, message.key


def _within_limits(message: DueMessage, cap: FrequencyCap, now: datetime) -> DueMessage:
    """Suppress a message that exceeds the limits or comes too late beside another one."""
    if message.decision != Decision.SEND or message.rule.asked:
        return message
    at = max(message.due_at, now)
    reason = None if message.rule.always else cap.exceeded(at)
    if reason is None and now - message.due_at > CATCH_UP and cap.is_caught_up(message):
        reason = Reason.CAUGHT_UP
    if reason:
        return replace(message, decision=Decision.SUPPRESSED, reason=reason)
    cap.count(message, at)
    return message
