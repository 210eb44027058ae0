"""Why a course cannot be planned and what would help, in the language of the reader."""

from scheduler.booking.pace.refusals import CalendarEnds, NoPlan, NothingFree, Remedy
from scheduler.booking.planning.no_plan import (
    Blocked,
    CourseTooLong,
    ExplainedNoPlan,
    PartEnds,
    Reason,
)
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import ngettext
from scheduler.phrases import availability, days
from scheduler.phrases.days import format_day


def sentence(refusal: NoPlan) -> str:
    """Which session cannot be placed, and why."""
    if isinstance(refusal, ExplainedNoPlan):
        return of_session(refusal.session_number, refusal.reason)
    return of_session(refusal.session_number, refusal.planner_reason)


def of_session(number: int, reason: Reason) -> str:
    pattern = _("Session %(number)s cannot be placed: %(why)s.")
    return pattern % {"number": number, "why": _why(reason)}


def _why(reason: Reason) -> str:
    match reason:
        case CalendarEnds(until=until):
            pattern = _("the calendar is open only until %(day)s")
            return pattern % {"day": format_day(until)}
        case NothingFree():
            return _nothing_free(reason)
        case PartEnds(by=by):
            pattern = _("this part of the course is to be over by %(day)s")
            return pattern % {"day": format_day(by)}
        case CourseTooLong(by=by):
            return _("the course would not be over by %(day)s") % {"day": format_day(by)}
        case Blocked():
            return _blocked(reason)


def _nothing_free(reason: NothingFree) -> str:
    first, last = format_day(reason.first), format_day(reason.last)
    if reason.until is None:
        pattern = _("nothing that keeps the pace is free from %(first)s to %(last)s")
        return pattern % {"first": first, "last": last}
    pattern = _(
        "nothing that keeps the pace is free from %(first)s, and the calendar is open only"
        " until %(until)s"
    )
    return pattern % {"first": first, "until": format_day(reason.until)}


def _blocked(reason: Blocked) -> str:
    words = [availability.cause(reason.cause)]
    if reason.days.weekdays:
        weekdays = days.weekdays(sorted(reason.days.weekdays), either=True)
        words.append(_("on %(weekdays)s") % {"weekdays": weekdays})
    if reason.days.between:
        start, end = map(days.clock, reason.days.between)
        words.append(_("between %(start)s and %(end)s") % {"start": start, "end": end})
    words.append(days.stretch(reason.days.first, reason.days.last))
    why = " ".join(words)
    if reason.until is None:
        return why
    pattern = _("%(why)s, and the calendar is open only until %(day)s")
    return pattern % {"why": why, "day": format_day(reason.until)}


def remedy(found: Remedy) -> str:
    """A change that helps, with the first and last day of the course that it makes possible."""
    pattern = (
        _("%(change)s: on %(first)s.")
        if found.first == found.last
        else _("%(change)s: from %(first)s to %(last)s.")
    )
    first, last = format_day(found.first), format_day(found.last)
    return pattern % {"change": _change(found), "first": first, "last": last}


def _change(found: Remedy) -> str:
    match found.kind:
        case "practitioner":
            return _("With another practitioner where need be")
        case "weekdays":
            return _("If other weekdays will do as well")
        case "hours":
            return _("If other hours will do as well")
        case "any_weekday":
            return _("If its sessions may be on any weekday")
        case "slower":
            return _("At a slower pace")
        case _:
            return _timed_change(found)


def _timed_change(found: Remedy) -> str:
    number = found.session_number
    if found.kind == "pause":
        return _("With a pause before session %(number)s") % {"number": number}
    if found.kind == "fewer":
        pattern = ngettext(
            "With the first session now and the rest later",
            "With the first %(count)s sessions now and the rest later",
            number - 1,
        )
        return pattern % {"count": number - 1}
    return _("Starting on or after %(day)s") % {"day": format_day(found.start_on or found.first)}
