"""When a text is due, and until when it is of use: by its rule, its session and the night. Pure."""

from datetime import datetime, timedelta

from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.schedule.types import AppointmentFacts, Rule, changed_at

AWAKE = timedelta(minutes=30)
"""For so long after booking a text disturbs nobody's sleep."""

AFTER_NEWS = timedelta(minutes=1)
"""So much later than the news of its new time a reminder of a session goes out at the earliest."""


def anchor_of(rule: Rule, visit: AppointmentFacts) -> datetime:
    """The moment of a session that a rule counts from."""
    match rule.anchor:
        case "booked":
            return visit.booked_at
        case "start":
            return visit.starts_at
        case "end":
            return visit.ends_at
        case "change":
            return changed_at(rule, visit) or visit.booked_at


def wished_at(rule: Rule, visit: AppointmentFacts) -> datetime:
    """When the rule would have the text go, by day or by night."""
    return anchor_of(rule, visit) + timedelta(minutes=rule.offset_minutes)


def wished_by_day(rule: Rule, visit: AppointmentFacts, quiet: QuietHours) -> datetime:
    """The same outside the quiet hours, where the rule keeps them."""
    wished = wished_at(rule, visit)
    if rule.quiet == "earlier":
        return quiet.earlier(wished)
    return quiet.later(wished) if rule.quiet == "later" else wished


def due_at(
    rule: Rule, visit: AppointmentFacts, quiet: QuietHours, now: datetime
) -> tuple[datetime, bool]:
    """When a text is due, and whether it may arrive in the quiet hours."""
    if rule.asked:
        return max(wished_at(rule, visit), visit.booked_at), True
    wished = wished_by_day(rule, visit, quiet)
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


def expires_at(rule: Rule, visit: AppointmentFacts) -> datetime:
    """From when on a text is of no use."""
    expires = anchor_of(rule, visit) + timedelta(minutes=rule.useful_minutes)
    return expires if rule.anchor in {"start", "end"} else min(expires, visit.starts_at)


def _spoken_of_from(
    rule: Rule, visit: AppointmentFacts, quiet: QuietHours, now: datetime
) -> datetime:
    """From when on a rule may speak of a session: it is booked, and its new time has been told.

    Else a reminder of the new time would be the first that the patient hears of it, and staff could
    not put a slip right before anybody is told.
    """
    if rule.anchor == "change" or visit.news_at is None:
        return visit.booked_at
    told = (
        due_at(each, visit, quiet, now)[0] + AFTER_NEWS
        for each in visit.rules
        if each.anchor == "change" and each.which == "moved"
    )
    return max(told, default=visit.booked_at)


def _only_at_once(
    rule: Rule, visit: AppointmentFacts, wished: datetime, quiet: QuietHours, now: datetime
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
        and quiet.roomy(booked) >= expires_at(rule, visit)
        and now - booked < AWAKE
    )
