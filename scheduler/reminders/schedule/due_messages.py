"""Which texts are owed to one telephone, and when: the one rule book of reminders. Pure.

Everything is derived from the calendar each time it is asked: a moved session has another key, a
cancelled one has none, and a text that is no longer in the answer must not be sent. Whether the
patient wants texts at all is asked before: no consent, no visits.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.reminders.schedule import due_times
from scheduler.reminders.schedule.frequency_cap import AnsweredTimes, FrequencyCap
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.schedule.templating import ENGLISH
from scheduler.reminders.schedule.triggers import Occasion, key_of, occasions
from scheduler.reminders.schedule.types import AppointmentFacts, Budget, DueMessage, Sent

WAITS = "Waits for confirmation: very many people would be texted at once."

STOPPED = "Staff stopped this text to many."


CATCH_UP = timedelta(hours=1)
"""A text that goes out later than this after it was due is one that we catch up on."""


def owed(
    visits: Iterable[AppointmentFacts],
    *,
    sent: Iterable[Sent],
    budget: Budget,
    quiet: QuietHours,
    zone: ZoneInfo,
    now: datetime,
) -> list[DueMessage]:
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
    answers = AnsweredTimes(sent)
    texts = {
        text.key: answers.spared(text, quiet)
        for text in (
            _text(occasion, quiet, zone, now) for occasion in occasions(visits, gone, answers)
        )
        if text.key not in gone and not _is_before(text)
    }
    ledger = FrequencyCap(budget, zone, sent)
    judged = [
        _judged(text, ledger, now) if text.verdict == "owed" and not text.rule.asked else text
        for text in sorted(texts.values(), key=_rank)
    ]
    return sorted(judged, key=lambda text: (text.due_at, text.key))


def _text(occasion: Occasion, quiet: QuietHours, zone: ZoneInfo, now: datetime) -> DueMessage:
    rule, visit, cases = occasion
    due, disturbs = due_times.due_at(rule, visit, quiet, now)
    expires = due_times.expires_at(rule, visit)
    latest = expires if disturbs else min(expires, quiet.next_start(max(due, now)))
    first_due = due_times.due_at(rule, visit, quiet, visit.booked_at)[0]
    text = DueMessage(
        key_of(rule, visit), rule, visit, due, expires, latest, first_due, cases=cases
    )
    if max(due, now) < expires:
        return _released(text)
    local = expires.astimezone(zone)
    reason = f"Too late: of no use from {ENGLISH.date(local)} {ENGLISH.time(local)} on."
    return replace(text, verdict="too_late", reason=reason)


def _released(text: DueMessage) -> DueMessage:
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


def _is_before(text: DueMessage) -> bool:
    """Whether it was due before there was its rule: nobody is texted now about what is past."""
    since = text.rule.holds_from
    return since is not None and text.rule.anchor != "start" and text.due_at < since


def _rank(text: DueMessage) -> tuple[bool, int, datetime, str]:
    """Who is given a place first: those that never give way, then the most useful."""
    return (not text.rule.always, -text.rule.priority, text.due_at, text.key)


def _judged(text: DueMessage, ledger: FrequencyCap, now: datetime) -> DueMessage:
    instant = max(text.due_at, now)
    reason = "" if text.rule.always else ledger.objection(instant)
    if now - text.due_at > CATCH_UP:
        reason = reason or ledger.caught_up(text)
    if reason:
        return replace(text, verdict="gave_way", reason=reason)
    ledger.enter(text, instant)
    return text
