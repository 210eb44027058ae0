"""Writes what triggers a message, in the language of the reader: `the day before session 3`."""

from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.reminders.kinds import lost_links, waitlist_offers
from scheduler.reminders.kinds.timeline import TimelineEntry


def describe(entry: TimelineEntry) -> str:
    """The sentence for the trigger of a message."""
    match entry.anchor:
        case None:
            return _without_rule(entry.kind)
        case "booked":
            return _("when the course is booked")
        case "change" if entry.which == "reassigned":
            return _("when the clinic changes the practitioner")
        case "change":
            return _("when the clinic changes a time")
        case "start":
            at_once = _("as %(session)s begins")
        case _:
            at_once = _("as %(session)s ends")
    if entry.offset_minutes == 0:
        pattern = at_once
    elif entry.offset_minutes < 0:
        pattern = _("%(span)s before %(session)s")
    else:
        pattern = _("%(span)s after %(session)s")
    number = entry.number
    about = _("session %(number)s") % {"number": number} if number else _("the session")
    return pattern % {"span": _span(abs(entry.offset_minutes)), "session": about}


def _without_rule(kind: str) -> str:
    if kind in waitlist_offers.OFFER_KINDS:
        return _("a free time from the waitlist")
    is_link = kind in lost_links.LOST_LINK_KINDS
    return _("the private link again") if is_link else _("in answer to a text")


def _span(minutes: int) -> str:
    if minutes == 1440:
        return _("the day")
    if minutes % 1440 == 0:
        return translation.days(minutes // 1440)
    if minutes % 60 == 0:
        return translation.hours(minutes // 60)
    return translation.minutes(minutes)
