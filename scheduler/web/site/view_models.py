"""Courses, treatments and texts as templates want them: words, in the clinic's wall time."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from scheduler.booking.pace.wishes import Opening
from scheduler.booking.planning import plan_course
from scheduler.clinic import hours, phases
from scheduler.clinic.models import Clinic, Treatment
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import ngettext
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.phrases import treatment_pace
from scheduler.web.site import formatting
from scheduler.web.site.formatting import Manner


@dataclass(frozen=True)
class Locale:
    """Where and when a page is read: the clinic's zone, its manner of writing, its today."""

    zone: ZoneInfo
    manner: Manner
    today: date

    @classmethod
    def of(cls, clinic: Clinic, now: datetime) -> "Locale":
        """The place of a clinic at an instant."""
        zone = ZoneInfo(clinic.timezone)
        return cls(zone, formatting.manner_of(clinic.country), now.astimezone(zone).date())


@dataclass(frozen=True, kw_only=True)
class SessionView:
    """One session. `spoken` says all of it, for those who hear the page."""

    number: int
    phase: int
    starts_at: datetime
    """wall time, aware"""
    minute: int
    """the UTC minute in which it begins: what its address is made of"""
    day: str
    time: str
    who: str
    spoken: str
    state: str = ""
    tag: str = ""
    can_cancel: bool = False
    can_move: bool = False


@dataclass(frozen=True)
class WeekView:
    """A week, Monday to Sunday, with its sessions; `strip`: each day's letter, and whether on."""

    number: int
    words: str
    strip: list[tuple[str, bool]]
    sessions: list[SessionView]


@dataclass(frozen=True)
class OptionView:
    """A time that can be chosen: its key in a form, its words, who gives it."""

    key: str
    time: str
    who: str


@dataclass(frozen=True)
class DayView:
    """A day on which times can be chosen."""

    words: str
    options: list[OptionView]


@dataclass(frozen=True)
class Summary:
    """A course in a sentence or two. `always`: the one practitioner, where there is one."""

    total: str
    span: str
    span_within: str
    """`span` as it stands within a sentence"""
    always: str
    rhythms: list[str]


def session_view(
    place: Locale,
    *,
    number: int,
    phase: int,
    starts_at: datetime,
    minutes: int,
    who: str,
    state: str = "",
) -> SessionView:
    """One session; `starts_at`: any aware datetime."""
    local = starts_at.astimezone(place.zone)
    end = (starts_at.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(place.zone)
    day = place.manner.day(local.date(), today=place.today)
    span = place.manner.span(local.time(), end.time())
    if which := hours.which_of_two(local):
        span = f"{span} ({which})"
    return SessionView(
        number=number,
        phase=phase,
        starts_at=local,
        minute=minute_of(starts_at),
        day=day,
        time=span,
        who=who,
        spoken=_("%(day)s, %(time)s, with %(who)s") % {"day": day, "time": span, "who": who},
        state=state,
    )


def weeks(sessions: Sequence[SessionView], manner: Manner) -> list[WeekView]:
    """The sessions by calendar week; the week of the first is week 1."""
    if not sessions:
        return []
    ordered = sorted(sessions, key=lambda appointment: appointment.starts_at)
    first = _monday(ordered[0])
    return [
        _week(monday, (monday - first).days // 7 + 1, list(those), manner)
        for monday, those in groupby(ordered, _monday)
    ]


def summary(sessions: Sequence[SessionView], place: Locale) -> Summary:
    """The whole of a course: how many, from when to when, with whom, in which rhythm."""
    first, last = sessions[0].starts_at.date(), sessions[-1].starts_at.date()
    begins = place.manner.on(first, today=place.today)
    ends = place.manner.on(last, today=place.today)
    span = begins if first == last else _("%(first)s to %(last)s") % {"first": begins, "last": ends}
    names = {appointment.who for appointment in sessions}
    return Summary(
        total=translation.sessions(len(sessions)),
        span=f"{span[0].upper()}{span[1:]}",
        span_within=span,
        always=names.pop() if len(names) == 1 else "",
        rhythms=_rhythms(sessions, place.manner),
    )


@dataclass(frozen=True, kw_only=True)
class OfferView:
    """A treatment on offer, in plain words."""

    id: int | None
    name: str
    summary: str
    sessions: int
    weeks: int
    minutes: int
    facts: str
    rhythm: str
    total: str
    review: str
    before: str
    after: str
    source: str
    source_is_link: bool


def offer(treatment: Treatment) -> OfferView:
    """What a treatment is: how often, for how long, how much time in all."""
    agreed = plan_course.phases_of(treatment)
    planned = [phase for phase in agreed if not phase.optional]
    extra = sum(phase.sessions for phase in agreed if phase.optional)
    sessions = sum(phase.sessions for phase in planned)
    span = phases.weeks(planned)
    facts = (
        _("%(sessions)s over %(weeks)s, %(each)s each.")
        if span > 1
        else _("%(sessions)s, %(each)s each.")
    )
    inside = {
        "sessions": translation.sessions(sessions),
        "weeks": translation.weeks(span),
        "each": formatting.duration(treatment.minutes),
    }
    return OfferView(
        id=treatment.id,
        name=treatment.name,
        summary=treatment.summary,
        sessions=sessions,
        weeks=span,
        minutes=treatment.minutes,
        facts=facts % inside,
        rhythm=rhythm(treatment),
        total=_("That is %(time)s in all.")
        % {"time": formatting.duration(sessions * treatment.minutes)},
        review=_review(treatment.review_after, extra),
        before=treatment.tips.get("before", ""),
        after=treatment.tips.get("after", ""),
        source=treatment.source,
        source_is_link=treatment.source.startswith("https://"),
    )


def rhythm(treatment: Treatment) -> str:
    """The pace of a treatment as a sentence: "2 a week for 3 weeks, then once a week ..."."""
    planned = [phase for phase in plan_course.phases_of(treatment) if not phase.optional]
    sessions = sum(phase.sessions for phase in planned)
    said = {
        "sessions": translation.sessions(sessions),
        "time": formatting.duration(treatment.minutes),
        "pace": _(", then ").join(treatment_pace.describe(phase) for phase in planned),
    }
    if sessions == 1:
        return _("%(sessions)s of %(time)s.") % said
    return _("%(sessions)s of %(time)s: %(pace)s.") % said


def tagged(session: SessionView, tag: str, *, can_cancel: bool, can_move: bool) -> SessionView:
    """A session with its state in a word, and whether it can still be cancelled or moved."""
    return replace(session, tag=tag, can_cancel=can_cancel, can_move=can_move)


def options(
    offered: Sequence[tuple[date, Sequence[Opening]]],
    place: Locale,
    *,
    minutes: int,
    name_of: Callable[[int], str],
) -> list[DayView]:
    """Days with the times that can be chosen on them."""
    return [
        DayView(
            place.manner.day(day, today=place.today),
            [
                OptionView(
                    f"{each.starts_at}-{each.practitioner_id}",
                    session_view(
                        place,
                        number=0,
                        phase=0,
                        starts_at=instant_of(each.starts_at),
                        minutes=minutes,
                        who=name_of(each.practitioner_id),
                    ).time,
                    name_of(each.practitioner_id),
                )
                for each in those
            ],
        )
        for day, those in offered
    ]


def _monday(session: SessionView) -> date:
    day = session.starts_at.date()
    return day - timedelta(days=day.weekday())


def _week(monday: date, number: int, sessions: list[SessionView], manner: Manner) -> WeekView:
    on = {
        appointment.starts_at.weekday()
        for appointment in sessions
        if appointment.state != "cancelled"
    }
    strip = [(letter, day in on) for day, letter in enumerate(formatting.letters())]
    return WeekView(number, manner.week(monday), strip, sessions)


def _rhythms(sessions: Sequence[SessionView], manner: Manner) -> list[str]:
    """A line for each phase: "First 6: Mondays and Thursdays at 9:00"."""
    parts = [list(those) for _, those in groupby(sessions, lambda each: each.phase)]
    lines = []
    for place, those in enumerate(parts):
        how = _rhythm(those, manner)
        lead = _("The first %(number)s: %(how)s") if place == 0 else _("then %(number)s: %(how)s")
        said = lead % {"number": formatting.small(len(those)), "how": how}
        lines.append(how if len(parts) == 1 else said)
    return [f"{line[0].upper()}{line[1:]}" for line in lines]


def _rhythm(sessions: Sequence[SessionView], manner: Manner) -> str:
    """The rhythm that most keep, and how many do not: "Mondays at 9:00, but for one ..."."""
    days = Counter(appointment.starts_at.weekday() for appointment in sessions)
    usual = {day for day, often in days.items() if often > 1}
    at = Counter(appointment.starts_at.time() for appointment in sessions).most_common(1)[0][0]
    regular = [appointment for appointment in sessions if appointment.starts_at.weekday() in usual]
    on_time = [each for each in regular if each.starts_at.time() == at]
    other_days, other_times = len(sessions) - len(regular), len(regular) - len(on_time)
    if len(on_time) == len(sessions) or len(on_time) * 2 <= len(sessions):
        return formatting.rhythm((appointment.starts_at for appointment in sessions), manner)
    said = [formatting.rhythm((each.starts_at for each in on_time), manner)]
    if other_days:
        but = ngettext("%(number)s on another day", "%(number)s on other days", other_days)
        said.append(but % {"number": formatting.small(other_days)})
    if other_times:
        but = ngettext("%(number)s at another time", "%(number)s at other times", other_times)
        said.append(but % {"number": formatting.small(other_times)})
    return _("%(rhythm)s, but %(exceptions)s") % {
        "rhythm": said[0],
        "exceptions": translation.join(said[1:]),
    }


def _review(after: Iterable[int], extra: int) -> str:
    sessions = sorted(after)
    if not sessions:
        return ""
    named = translation.join([str(number) for number in sessions])
    said = _("After session %(number)s we look together whether it helps.")
    if extra:
        said = _(
            "After session %(number)s we look together whether it helps; if it does in part,"
            " %(sessions)s can be added."
        )
    return said % {"number": named, "sessions": translation.sessions(extra)}
