"""Where a plan does not keep its pace or the wishes, and why, in the language of the reader."""

from collections.abc import Sequence

from scheduler.booking.pace.compromises import (
    CapWait,
    Compromise,
    LateStart,
    NoOtherDay,
    NoTimes,
    OffHours,
    OffWeekdays,
    OtherPractitioner,
    Slower,
    WeekdayCause,
    WeekdayCauseKind,
)
from scheduler.clinic.hours import MINUTES_PER_DAY
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.phrases import days, pace


def sentence(compromise: Compromise) -> str:
    match compromise:
        case CapWait():
            return _cap_wait(compromise)
        case LateStart(weeks=weeks, cause=cause):
            pattern = _("The course starts %(weeks)s later: %(why)s.")
            return pattern % {"weeks": days.weeks_late(weeks), "why": _why(cause)}
        case Slower(violation=violation, cause=cause):
            return f"{pace.clause(violation)}: {_why(cause)}."
        case OffWeekdays():
            return _off_weekdays(compromise)
        case OffHours():
            return _off_hours(compromise)
        case OtherPractitioner():
            return _other_practitioner(compromise)


def _cap_wait(compromise: CapWait) -> str:
    pattern = _("Session %(number)s is not before %(day)s: at most %(sessions)s in %(days)s.")
    return pattern % {
        "number": compromise.session_numbers[0],
        "day": days.format_day(compromise.since),
        "sessions": translation.sessions(compromise.sessions),
        "days": translation.days(compromise.days),
    }


def _why(cause: NoTimes | NoOtherDay) -> str:
    if isinstance(cause, NoOtherDay):
        if cause.some_free:
            return _("no other day that fits is free")
        return _("no other day is free")
    when = days.stretch(cause.first, cause.last)
    if cause.some_free:
        return _("nothing that fits the course is free %(when)s") % {"when": when}
    return _("nothing is free %(when)s") % {"when": when}


def _off_weekdays(compromise: OffWeekdays) -> str:
    there = _("on other days")
    if compromise.weekday is not None:
        there = _("on a %(weekday)s") % {"weekday": days.weekdays([compromise.weekday])}
    return _("%(sessions)s %(there)s: %(why)s.") % {
        "sessions": _sessions(compromise.session_numbers),
        "there": there,
        "why": _why_that_weekday(compromise.cause),
    }


def _why_that_weekday(cause: WeekdayCause) -> str:
    match cause.kind:
        case WeekdayCauseKind.PART_FIXED:
            pattern = _("this part of the course is on %(weekdays)s")
        case WeekdayCauseKind.PACE_DENSER:
            pattern = _("the pace needs more days a week than %(weekdays)s")
        case WeekdayCauseKind.PACE_BROKEN:
            pattern = _("the pace could not be kept on a %(weekdays)s that week")
        case WeekdayCauseKind.NO_OTHER_FREE:
            pattern = (
                _("no other %(weekdays)s that week is free as you wished")
                if cause.as_wished
                else _("no other %(weekdays)s that week is free")
            )
        case WeekdayCauseKind.NONE_FREE:
            pattern = (
                _("no %(weekdays)s that week is free as you wished")
                if cause.as_wished
                else _("no %(weekdays)s that week is free")
            )
    either = cause.kind != WeekdayCauseKind.PART_FIXED
    return pattern % {"weekdays": days.weekdays(cause.weekdays, either=either)}


def _off_hours(compromise: OffHours) -> str:
    pattern = _("%(sessions)s %(hours)s: nothing then is free %(that_day)s.")
    if compromise.some_free:
        pattern = _("%(sessions)s %(hours)s: nothing then is free as you wished %(that_day)s.")
    return pattern % {
        "sessions": _sessions(compromise.session_numbers),
        "hours": _not_between(*compromise.between),
        "that_day": _that_day(compromise.session_numbers),
    }


def _not_between(first: int, end: int) -> str:
    """The wished hours, as words after "Session 3 is"."""
    values = {"start": days.clock(first), "end": days.clock(end)}
    if first <= 0:
        return _("not before %(end)s") % values
    if end >= MINUTES_PER_DAY:
        return _("not at %(start)s or later") % values
    return _("not between %(start)s and %(end)s") % values


def _other_practitioner(compromise: OtherPractitioner) -> str:
    pattern = _(
        "%(sessions)s with another practitioner: the one you asked for is not free %(that_day)s."
    )
    if compromise.some_free:
        pattern = _(
            "%(sessions)s with another practitioner: the one you asked for is not free at the"
            " hours you wished %(that_day)s."
        )
    numbers = compromise.session_numbers
    return pattern % {"sessions": _sessions(numbers), "that_day": _that_day(numbers)}


def _sessions(numbers: Sequence[int]) -> str:
    """ "Sessions 2, 4 and 7 to 12 are", as the first words of a sentence."""
    if len(numbers) == 1:
        return _("Session %(number)s is") % {"number": numbers[0]}
    words: list[str] = []
    for run in _runs(numbers):
        if len(run) > 2:
            words.append(_("%(first)s to %(last)s") % {"first": run[0], "last": run[-1]})
        else:
            words += map(str, run)
    return _("Sessions %(numbers)s are") % {"numbers": translation.join(words)}


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """The numbers, split where one does not follow the one before it."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _that_day(numbers: Sequence[int]) -> str:
    return _("on that day") if len(numbers) == 1 else _("on those days")
