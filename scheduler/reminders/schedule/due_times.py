"""When a message is due and when it expires, by its rule, the appointment and quiet hours. Pure."""

from datetime import datetime, timedelta

from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.reminders.schedule.types import AppointmentFacts, Rule, change_reported_by

AWAKE = timedelta(minutes=30)
"""How long after booking a patient is awake, so that a message may arrive in the quiet hours."""

AFTER_NOTICE = timedelta(minutes=1)
"""The least time between the notice of a new time and a reminder of it."""


URGENT = timedelta(hours=12)
"""A change of an appointment that begins this soon is reported at any hour."""


def anchor_of(rule: Rule, appointment: AppointmentFacts) -> datetime:
    """The instant that the offset of a rule counts from."""
    match rule.anchor:
        case "booked":
            return appointment.booked_at
        case "start":
            return appointment.starts_at
        case "end":
            return appointment.ends_at
        case "change":
            return change_reported_by(rule, appointment) or appointment.booked_at


def nominal(rule: Rule, appointment: AppointmentFacts) -> datetime:
    """When the rule alone would send the message, at any hour."""
    return anchor_of(rule, appointment) + timedelta(minutes=rule.offset_minutes)


def nominal_by_day(rule: Rule, appointment: AppointmentFacts, quiet: QuietHours) -> datetime:
    """The nominal time, moved out of the quiet hours if the rule respects them."""
    at = nominal(rule, appointment)
    if rule.quiet == "earlier":
        return quiet.earlier(at)
    return quiet.later(at) if rule.quiet == "later" else at


def due_at(
    rule: Rule, appointment: AppointmentFacts, quiet: QuietHours, now: datetime
) -> tuple[datetime, bool]:
    """When a message is due, and whether it may arrive in the quiet hours."""
    if rule.asked:
        return max(nominal(rule, appointment), appointment.booked_at), True
    urgent = _urgent_at(rule, appointment, quiet, now)
    if urgent is not None:
        return urgent, True
    at = nominal_by_day(rule, appointment, quiet)
    if _fits_only_after_booking(rule, appointment, at, quiet, now):
        return appointment.booked_at, True
    due = max(at, _may_mention_from(rule, appointment, quiet, now))
    if rule.quiet == "ignore":
        return due, True
    # Waiting for a notice may end in the quiet hours, so they apply once more.
    due = quiet.roomy(due)
    if due <= now < (after_quiet := quiet.roomy(now)):
        # The message is late (a carrier down, a worker off). It must not go out at night.
        due = after_quiet
    return due, False


def _urgent_at(
    rule: Rule, appointment: AppointmentFacts, quiet: QuietHours, now: datetime
) -> datetime | None:
    """When the notice of a change goes out at any hour, because a patient might come in vain.

    That is the case if the appointment begins, or would have begun, within URGENT, if the notice
    is late and has become urgent, or if the quiet hours end too late. None in all other cases.
    """
    changed_at = appointment.changed_at
    if not rule.reports_time or changed_at is None:
        return None
    starts = (appointment.starts_at, *appointment.starts_before)
    since = max(changed_at, now)
    soonest = min((start for start in starts if start > since), default=None)
    if soonest is None:
        return None
    at = nominal(rule, appointment)
    if soonest - changed_at <= URGENT:
        # No time is left to wait for staff to correct a slip.
        return at if at < soonest else changed_at
    by_day = quiet.roomy(nominal_by_day(rule, appointment, quiet))
    if by_day <= now and soonest - now <= URGENT:
        return by_day
    return max(at, soonest - URGENT) if by_day >= soonest else None


def expires_at(rule: Rule, appointment: AppointmentFacts) -> datetime:
    """When a message expires. Messages about booking and changes expire with the appointment."""
    expires = anchor_of(rule, appointment) + timedelta(minutes=rule.useful_minutes)
    return expires if rule.anchor in {"start", "end"} else min(expires, appointment.starts_at)


def _may_mention_from(
    rule: Rule, appointment: AppointmentFacts, quiet: QuietHours, now: datetime
) -> datetime:
    """When a rule may first mention an appointment: after booking and after the notice of a move.

    Otherwise a reminder could be the first message with the new time, and staff would have no time
    to correct a slip.
    """
    if rule.anchor == "change" or appointment.changed_at is None:
        return appointment.booked_at
    noticed = (
        due_at(notice, appointment, quiet, now)[0] + AFTER_NOTICE
        for notice in appointment.rules
        if notice.anchor == "change" and notice.which == "moved"
    )
    return max(noticed, default=appointment.booked_at)


def _fits_only_after_booking(
    rule: Rule, appointment: AppointmentFacts, at: datetime, quiet: QuietHours, now: datetime
) -> bool:
    """Whether a reminder that was due before the booking fits only right after it.

    After a booking late in the evening for the next morning, the end of the quiet hours would be
    too late, and the patient who just booked is awake.
    """
    booked = appointment.booked_at
    return (
        rule.quiet == "earlier"
        and rule.anchor == "start"
        and at <= booked < quiet.roomy(booked)
        and quiet.roomy(booked) >= expires_at(rule, appointment)
        and now - booked < AWAKE
    )
