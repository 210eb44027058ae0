"""How the dates of a course leave its pace, in the language of the reader."""

from collections.abc import Sequence

from scheduler.booking.pace.violations import (
    AfterPart,
    BeforePart,
    BeyondCourse,
    CrowdedWindow,
    FasterPace,
    LongGap,
    LongSpan,
    Misplaced,
    OffWeekday,
    PaceViolation,
    SameDay,
    ShortGap,
    ShortSpan,
    SlowerPace,
    SparseWindow,
    TooSoon,
    WeeksLate,
)
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import ngettext
from scheduler.phrases import days
from scheduler.phrases.days import format_day

Phrase = tuple[str, dict[str, object]]
"""A translated pattern and its values, except the number of the session."""


def sentence(violation: PaceViolation) -> str:
    return f"{clause(violation)}."


def sentences(violations: Sequence[PaceViolation]) -> str:
    return " ".join(sentence(violation) for violation in violations)


def clause(violation: PaceViolation) -> str:
    """The sentence without its full stop."""
    if isinstance(violation, SlowerPace):
        pattern, values = _slower(violation)
    elif isinstance(violation, FasterPace):
        pattern, values = _faster(violation)
    else:
        pattern, values = _misplaced(violation)
    return pattern % {"number": violation.number, **values}


def _slower(violation: SlowerPace) -> Phrase:
    match violation:
        case WeeksLate(weeks=late):
            pattern = _("Session %(number)s is %(weeks)s later")
            return pattern, {"weeks": days.weeks_late(late)}
        case LongSpan(day=day, days=span):
            pattern = _("Session %(number)s on %(day)s is after the %(days)s of this part")
            return pattern, {"day": format_day(day), "days": translation.days(span)}
        case SparseWindow(count=count, wanted=wanted, due=(first, last)):
            pattern = ngettext(
                "Only %(count)s of %(wanted)s sessions is in %(weeks)s",
                "Only %(count)s of %(wanted)s sessions are in %(weeks)s",
                count,
            )
            weeks = days.weeks_from(first, last - first + 1)
            return pattern, {"count": count, "weeks": weeks, "wanted": wanted}
        case LongGap(days=gap, wanted=wanted):
            return _gap(violation.number, gap, wanted)


def _faster(violation: FasterPace) -> Phrase:
    match violation:
        case CrowdedWindow(count=count, wanted=wanted, start=start, length=length):
            pattern = _("%(count)s sessions are in %(weeks)s: there should be %(wanted)s")
            weeks = days.weeks_from(start, length)
            return pattern, {"count": count, "weeks": weeks, "wanted": wanted}
        case ShortGap(days=gap, wanted=wanted):
            return _gap(violation.number, gap, wanted)
        case ShortSpan(sessions=sessions, days=span, least=least):
            pattern = _("The last %(sessions)s sessions lie within %(days)s instead of %(least)s")
            return pattern, {"sessions": sessions, "days": translation.days(span), "least": least}


def _misplaced(violation: Misplaced) -> Phrase:
    match violation:
        case SameDay(number=number, day=day):
            pattern = _("Sessions %(before)s and %(number)s are both on %(day)s")
            return pattern, {"before": number - 1, "day": format_day(day)}
        case TooSoon(day=day, soonest=soonest):
            pattern = _(
                "Session %(number)s on %(day)s is too soon: it should not be before %(soonest)s"
            )
            return pattern, {"day": format_day(day), "soonest": format_day(soonest)}
        case BeforePart(day=day, first=first):
            pattern = _("Session %(number)s on %(day)s is too soon: this part begins on %(first)s")
            return pattern, {"day": format_day(day), "first": format_day(first)}
        case AfterPart(day=day, last=last):
            pattern = _("Session %(number)s on %(day)s is too late: this part ends on %(last)s")
            return pattern, {"day": format_day(day), "last": format_day(last)}
        case OffWeekday(weekday=weekday, weekdays=weekdays):
            pattern = _("Session %(number)s is on a %(weekday)s: it should be on %(named)s")
            named = days.weekdays(weekdays, either=True)
            return pattern, {"weekday": days.weekdays([weekday]), "named": named}
        case BeyondCourse():
            return _("The course has no session %(number)s"), {}


def _gap(number: int, gap: int, wanted: int) -> Phrase:
    pattern = _("Session %(number)s is %(days)s after session %(before)s instead of %(instead)s")
    return pattern, {"days": translation.days(gap), "before": number - 1, "instead": wanted}
