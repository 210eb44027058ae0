"""A treatment as the public pages show it: in words."""

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.booking.planning import plan_course
from scheduler.clinic import phases
from scheduler.clinic.models import Treatment
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.phrases import treatment_pace
from scheduler.web.site import formatting


@dataclass(frozen=True, kw_only=True)
class TreatmentView:
    """A treatment in words."""

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


def describe(treatment: Treatment) -> TreatmentView:
    """A treatment: how often, for how long, how much time in all."""
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
    values = {
        "sessions": translation.sessions(sessions),
        "weeks": translation.weeks(span),
        "each": formatting.duration(treatment.minutes),
    }
    return TreatmentView(
        id=treatment.id,
        name=treatment.name,
        summary=treatment.summary,
        sessions=sessions,
        weeks=span,
        minutes=treatment.minutes,
        facts=facts % values,
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
    values = {
        "sessions": translation.sessions(sessions),
        "time": formatting.duration(treatment.minutes),
        "pace": _(", then ").join(treatment_pace.describe(phase) for phase in planned),
    }
    if sessions == 1:
        return _("%(sessions)s of %(time)s.") % values
    return _("%(sessions)s of %(time)s: %(pace)s.") % values


def _review(after: Iterable[int], extra: int) -> str:
    sessions = sorted(after)
    if not sessions:
        return ""
    named = translation.join([str(number) for number in sessions])
    sentence = _("After session %(number)s we look together whether it helps.")
    if extra:
        sentence = _(
            "After session %(number)s we look together whether it helps; if it does in part,"
            " %(sessions)s can be added."
        )
    return sentence % {"number": named, "sessions": translation.sessions(extra)}
