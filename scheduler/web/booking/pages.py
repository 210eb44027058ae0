"""The pages of the booking form: what each step shows, with what was typed and what to mend."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

from fastapi.responses import HTMLResponse

from scheduler.booking.pace.alternatives import Alternative
from scheduler.booking.planning import draft_plans
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.phone import for_people
from scheduler.patients import consent, screening
from scheduler.phrases import alternatives as alternative_phrases
from scheduler.phrases import compromises as compromise_phrases
from scheduler.phrases import no_plan
from scheduler.web.booking.form_session import STEPS, BookingForm
from scheduler.web.site import rendering, view_models
from scheduler.web.site.view_models import SessionView

OPTIONS_A_DAY = 6
DAYS_OFFERED = 5


def health(
    here: BookingForm, typed: dict[str, str], mistakes: dict[str, str] | None = None
) -> HTMLResponse:
    """What to know before needling."""
    return _page(
        here,
        "screening.html",
        typed=typed,
        mistakes=mistakes,
        questions=[_spoken(question) for question in screening.QUESTIONS],
        labels={question.key: _(question.words) for question in screening.QUESTIONS},
        answers=[("no", _("No")), ("yes", _("Yes")), ("unsure", _("Not sure"))],
        pain_since=[(key, _(said)) for key, said in screening.PAIN_SINCE.items()],
    )


def wishes(
    here: BookingForm,
    typed: dict[str, Any],
    days: list[str],
    mistakes: dict[str, str] | None = None,
) -> HTMLResponse:
    """When somebody would like to come."""
    last = here.place.today + timedelta(days=here.treatment.horizon_days)
    return _page(
        here,
        "wishes.html",
        typed=typed,
        typed_days=days,
        mistakes=mistakes,
        rhythm=view_models.rhythm(here.treatment),
        advice=_advice(here.answer("health")["answers"]),
        first=here.place.today.isoformat(),
        last=last.isoformat(),
        weekdays=list(enumerate(translation.weekday_names())),
        refused=here.answer("refused"),
        why=_why_refused(here),
        remedies=[
            {"kind": remedy.kind, "sentence": no_plan.remedy(remedy)} for remedy in here.remedies
        ],
        hours=_hours(here),
        practitioners=[
            ("", _("Anyone")),
            *((practitioner.id, practitioner.name) for practitioner in here.practitioners),
        ],
    )


def plan(here: BookingForm, ways: Sequence[tuple[str, str]]) -> HTMLResponse:
    """The proposed course, week by week; `ways`: what else can be asked for, and in which words."""
    sessions = _marked(here, [here.shown(each) for each in here.planned])
    return _page(
        here,
        "plan.html",
        summary=view_models.summary(sessions, here.place),
        weeks=view_models.weeks(sessions, here.place.manner),
        compromises=[
            compromise_phrases.sentence(compromise)
            for compromise in draft_plans.compromises_of(here.enquiry)
        ],
        kept=here.kept(),
        ways=ways,
        had=bool(here.answer("before")),
    )


def alternatives(here: BookingForm, found: Sequence[Alternative]) -> HTMLResponse:
    """Other whole plans, each better in one thing."""
    return _page(
        here,
        "plans.html",
        plans=[
            {
                "kind": each.kind,
                "sentence": alternative_phrases.sentence(each.advantage),
                "summary": view_models.summary(
                    [here.shown(session) for session in each.plan.sessions], here.place
                ),
                "compromises": [
                    compromise_phrases.sentence(compromise) for compromise in each.plan.compromises
                ],
            }
            for each in found
        ],
    )


def others(
    here: BookingForm, number: int, mistakes: dict[str, str] | None = None, *, status: int = 422
) -> HTMLResponse:
    """Other times for one proposed session."""
    sessions = here.planned
    current = sessions[number - 1].opening
    found = draft_plans.others(
        here.visit.session, here.enquiry, here.treatment, number, now=here.visit.now
    )
    return _page(
        here,
        "change.html",
        status=status,
        mistakes=mistakes,
        typed={},
        session=here.shown(sessions[number - 1]),
        days=view_models.options(
            draft_plans.by_day(found, current, days=DAYS_OFFERED, a_day=OPTIONS_A_DAY),
            here.place,
            minutes=here.treatment.minutes,
            name_of=here.name_of,
        ),
    )


def details(
    here: BookingForm,
    typed: dict[str, str],
    mistakes: dict[str, str] | None = None,
    *,
    status: int = 422,
) -> HTMLResponse:
    """Who comes, and whether we may text."""
    return _page(
        here,
        "details.html",
        status=status,
        typed=typed,
        mistakes=mistakes,
        wording=consent.wording(translation.language().code),
        kept=here.kept(),
        proved=bool(typed.get("number")) and here.proved(typed["number"]),
    )


def code(
    here: BookingForm, mistakes: dict[str, str] | None = None, *, status: int = 422
) -> HTMLResponse:
    """The digits that were texted."""
    return _page(
        here,
        "code.html",
        status=status,
        script="code.js",
        typed={},
        mistakes=mistakes,
        number=for_people(here.answer("details")["number"]),
    )


def _page(
    here: BookingForm,
    template: str,
    *,
    status: int = 422,
    mistakes: dict[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page of the form; `status` holds where there are mistakes to mend."""
    return rendering.show(
        template,
        framed=True,
        status=status if mistakes else 200,
        mistakes=mistakes or {},
        notices=here.answer("notices") or [],
        base=here.base,
        asked=here.asked,
        steps=len(STEPS),
        clinic=here.clinic,
        treatment=here.treatment,
        **values,
    )


def _why_refused(here: BookingForm) -> str:
    """Why no course could be planned for the wishes; empty where one could."""
    if refusal := here.refusal:
        return no_plan.of_session(refusal.session_number, refusal.reason)
    return _(str((here.answer("refused") or {}).get("why", "")))


def _marked(here: BookingForm, sessions: list[SessionView]) -> list[SessionView]:
    """The sessions, with those marked that are not as in the plan before; not if most are new."""
    before = {
        (each["number"], each["starts_at"], each["practitioner_id"])
        for each in (here.answer("before") or {}).get("sessions", [])
    }
    now = {
        appointment["number"]: (
            appointment["number"],
            appointment["starts_at"],
            appointment["practitioner_id"],
        )
        for appointment in here.enquiry.sessions
    }
    new = {number for number, place in now.items() if place not in before}
    if not before or len(new) * 2 > len(now):
        return sessions
    return [
        replace(appointment, tag=_("new time")) if appointment.number in new else appointment
        for appointment in sessions
    ]


def _spoken(question: screening.Question) -> screening.Question:
    return replace(question, words=_(question.words), hint=_(question.hint))


def _advice(answers: dict[str, str]) -> list[str]:
    """What to tell at once about the answers."""
    told = [
        _(question.advice[answers[question.key]])
        for question in screening.QUESTIONS
        if question.advice and answers[question.key] in question.advice
    ]
    if screening.needs_clearance(answers):
        told.insert(
            0,
            _(
                "Thank you. A practitioner will look at your answers before your first session. You"
                " can book now: your times are kept for you."
            ),
        )
    return told


def _hours(here: BookingForm) -> list[tuple[str, str]]:
    manner = here.place.manner
    noon = _("noon") if manner.twelve_hours else manner.clock(time(12))
    five = _("5 pm") if manner.twelve_hours else manner.clock(time(17))
    return [
        ("any", _("Any time")),
        ("morning", _("Before %(time)s") % {"time": noon}),
        ("afternoon", _("From %(start)s to %(end)s") % {"start": noon, "end": five}),
        ("evening", _("After %(time)s") % {"time": five}),
    ]
