"""Sessions, weeks and free times as templates show them: in words, in the clinic's wall time."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from scheduler.booking.pace.wishes import Opening
from scheduler.clinic import hours
from scheduler.clinic.models import Clinic
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import ngettext
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.web.site import formatting
from scheduler.web.site.formatting import DateFormat


@dataclass(frozen=True)
class Locale:
    """The clinic's time zone, its way of writing dates and times, and its current day."""

    zone: ZoneInfo
    dates: DateFormat
    today: date

    @classmethod
    def of(cls, clinic: Clinic, now: datetime) -> "Locale":
        """The locale of a clinic at an instant."""
        zone = ZoneInfo(clinic.timezone)
        return cls(zone, formatting.date_format_of(clinic.country), now.astimezone(zone).date())


@dataclass(frozen=True, kw_only=True)
class SessionView:
    """One session. `spoken` is the whole of it in one phrase, for screen readers."""

    number: int
    phase: int
    starts_at: datetime
    """Aware, in the clinic's zone"""
    minute: int
    """The UTC minute in which it begins; part of its address"""
    day: str
    time: str
    practitioner: str
    spoken: str
    state: str = ""
    tag: str = ""
    can_cancel: bool = False
    can_move: bool = False


@dataclass(frozen=True)
class WeekView:
    """A week from Monday; `strip`: per weekday its letter, and whether it has a session."""

    number: int
    words: str
    strip: list[tuple[str, bool]]
    sessions: list[SessionView]


@dataclass(frozen=True)
class OptionView:
    """A free time: its value in the form, its words and its practitioner."""

    key: str
    time: str
    practitioner: str


@dataclass(frozen=True)
class DayView:
    """A day with free times."""

    words: str
    options: list[OptionView]


@dataclass(frozen=True)
class Summary:
    """A course in a few phrases. `always`: the practitioner, if it is the same one each time."""

    total: str
    span: str
    span_within: str
    """`span` as part of a sentence"""
    always: str
    rhythms: list[str]


def session_view(
    locale: Locale,
    *,
    number: int,
    phase: int,
    starts_at: datetime,
    minutes: int,
    practitioner: str,
    state: str = "",
) -> SessionView:
    """One session; `starts_at`: any aware datetime."""
    local = starts_at.astimezone(locale.zone)
    end = (starts_at.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(locale.zone)
    day = locale.dates.day(local.date(), today=locale.today)
    span = locale.dates.span(local.time(), end.time())
    if which := hours.which_of_two(local):
        span = f"{span} ({which})"
    return SessionView(
        number=number,
        phase=phase,
        starts_at=local,
        minute=minute_of(starts_at),
        day=day,
        time=span,
        practitioner=practitioner,
        spoken=_("%(day)s, %(time)s, with %(who)s")
        % {"day": day, "time": span, "who": practitioner},
        state=state,
    )


def weeks(sessions: Sequence[SessionView], dates: DateFormat) -> list[WeekView]:
    """The sessions by calendar week; the week of the first is week 1."""
    if not sessions:
        return []
    ordered = sorted(sessions, key=lambda session: session.starts_at)
    first = _monday(ordered[0])
    return [
        _week(monday, (monday - first).days // 7 + 1, list(group), dates)
        for monday, group in groupby(ordered, _monday)
    ]


def summary(sessions: Sequence[SessionView], locale: Locale) -> Summary:
    """A whole course: how many sessions, when, with which practitioner, in which rhythm."""
    first, last = sessions[0].starts_at.date(), sessions[-1].starts_at.date()
    begins = locale.dates.on(first, today=locale.today)
    ends = locale.dates.on(last, today=locale.today)
    span = begins if first == last else _("%(first)s to %(last)s") % {"first": begins, "last": ends}
    names = {session.practitioner for session in sessions}
    return Summary(
        total=translation.sessions(len(sessions)),
        span=f"{span[0].upper()}{span[1:]}",
        span_within=span,
        always=names.pop() if len(names) == 1 else "",
        rhythms=_rhythms(sessions, locale.dates),
    )


def tagged(session: SessionView, tag: str, *, can_cancel: bool, can_move: bool) -> SessionView:
    """A session with its state in a word, and whether the patient can cancel or move it."""
    return replace(session, tag=tag, can_cancel=can_cancel, can_move=can_move)


def options(
    offered: Sequence[tuple[date, Sequence[Opening]]],
    locale: Locale,
    *,
    minutes: int,
    name_of: Callable[[int], str],
) -> list[DayView]:
    """Days with their free times."""
    return [
        DayView(
            locale.dates.day(day, today=locale.today),
            [_option(opening, locale, minutes, name_of) for opening in openings],
        )
        for day, openings in offered
    ]


def _option(
    opening: Opening, locale: Locale, minutes: int, name_of: Callable[[int], str]
) -> OptionView:
    view = session_view(
        locale,
        number=0,
        phase=0,
        starts_at=instant_of(opening.starts_at),
        minutes=minutes,
        practitioner=name_of(opening.practitioner_id),
    )
    key = f"{opening.starts_at}-{opening.practitioner_id}"
    return OptionView(key, view.time, view.practitioner)


def _monday(session: SessionView) -> date:
    day = session.starts_at.date()
    return day - timedelta(days=day.weekday())


def _week(monday: date, number: int, sessions: list[SessionView], dates: DateFormat) -> WeekView:
    weekdays = {session.starts_at.weekday() for session in sessions if session.state != "cancelled"}
    strip = [(letter, day in weekdays) for day, letter in enumerate(formatting.letters())]
    return WeekView(number, dates.week(monday), strip, sessions)


def _rhythms(sessions: Sequence[SessionView], dates: DateFormat) -> list[str]:
    """A line for each phase: "First 6: Mondays and Thursdays at 9:00"."""
    phases = [list(group) for _, group in groupby(sessions, lambda session: session.phase)]
    lines = []
    for index, phase in enumerate(phases):
        line = _rhythm(phase, dates)
        if len(phases) > 1:
            lead = (
                _("The first %(number)s: %(how)s") if index == 0 else _("then %(number)s: %(how)s")
            )
            line = lead % {"number": formatting.small(len(phase)), "how": line}
        lines.append(f"{line[0].upper()}{line[1:]}")
    return lines


def _rhythm(sessions: Sequence[SessionView], dates: DateFormat) -> str:
    """The rhythm of most sessions and the number of exceptions: "Mondays at 9:00, but one ..."."""
    counts = Counter(session.starts_at.weekday() for session in sessions)
    usual_days = {day for day, count in counts.items() if count > 1}
    usual_time = Counter(session.starts_at.time() for session in sessions).most_common(1)[0][0]
    on_day = [session for session in sessions if session.starts_at.weekday() in usual_days]
    on_time = [session for session in on_day if session.starts_at.time() == usual_time]
    other_days, other_times = len(sessions) - len(on_day), len(on_day) - len(on_time)
    if len(on_time) == len(sessions) or len(on_time) * 2 <= len(sessions):
        return formatting.rhythm((session.starts_at for session in sessions), dates)
    exceptions = []
    if other_days:
        exception = ngettext("%(number)s on another day", "%(number)s on other days", other_days)
        exceptions.append(exception % {"number": formatting.small(other_days)})
    if other_times:
        exception = ngettext("%(number)s at another time", "%(number)s at other times", other_times)
        exceptions.append(exception % {"number": formatting.small(other_times)})
    return _("%(rhythm)s, but %(exceptions)s") % {
        "rhythm": formatting.rhythm((session.starts_at for session in on_time), dates),
        "exceptions": translation.join(exceptions),
    }
