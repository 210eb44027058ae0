"""The pages of the booking form: each step with the typed answers and the mistakes in them."""

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
from scheduler.web.booking import notices
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.site import treatment_view, view_models
from scheduler.web.site.view_models import SessionView

DAYS_TO_CHANGE_A_PROPOSAL = 5


def health(
    page: BookingForm, typed: dict[str, str], mistakes: dict[str, str] | None = None
) -> HTMLResponse:
    """Questions that must be answered before treatment with needles."""
    return page.show(
        "screening.html",
        typed=typed,
        mistakes=mistakes,
        questions=[_translated(question) for question in screening.QUESTIONS],
        labels={question.key: _(question.words) for question in screening.QUESTIONS},
        answers=[("no", _("No")), ("yes", _("Yes")), ("unsure", _("Not sure"))],
        pain_since=[(key, _(words)) for key, words in screening.PAIN_SINCE.items()],
    )


def wishes(
    page: BookingForm,
    typed: dict[str, Any],
    days: list[str],
    mistakes: dict[str, str] | None = None,
) -> HTMLResponse:
    """When the patient would like to come, and to which practitioner."""
    last = page.locale.today + timedelta(days=page.treatment.horizon_days)
    return page.show(
        "wishes.html",
        typed=typed,
        typed_days=days,
        mistakes=mistakes,
        rhythm=treatment_view.rhythm(page.treatment),
        advice=_advice(page.health.answers),
        first=page.locale.today.isoformat(),
        last=last.isoformat(),
        weekdays=list(enumerate(translation.weekday_names())),
        refused=page.answers.refused,
        why=_why_refused(page),
        remedies=[
            {"kind": remedy.kind, "sentence": no_plan.remedy(remedy)} for remedy in page.remedies
        ],
        hours=_hours(page),
        practitioners=[
            ("", _("Anyone")),
            *((practitioner.id, practitioner.name) for practitioner in page.practitioners),
        ],
    )


def plan(page: BookingForm, buttons: Sequence[str]) -> HTMLResponse:
    """The proposed course, week by week; `buttons`: keys of the buttons for other plans."""
    sessions = _mark_new_times(page, [page.shown(session) for session in page.planned])
    return page.show(
        "plan.html",
        summary=view_models.summary(sessions, page.locale),
        weeks=view_models.weeks(sessions, page.locale.dates),
        compromises=[
            compromise_phrases.sentence(compromise)
            for compromise in draft_plans.compromises_of(page.enquiry)
        ],
        kept=page.hold_notice(),
        buttons=[(key, notices.other_plan(page, key)) for key in buttons],
        had=bool(page.answers.before),
    )


def alternatives(page: BookingForm, found: Sequence[Alternative]) -> HTMLResponse:
    """Other whole plans, each better in one thing."""
    return page.show(
        "other_plans.html",
        plans=[
            {
                "kind": alternative.kind,
                "sentence": alternative_phrases.sentence(alternative.advantage),
                "summary": view_models.summary(
                    [page.shown(session) for session in alternative.plan.sessions], page.locale
                ),
                "compromises": [
                    compromise_phrases.sentence(compromise)
                    for compromise in alternative.plan.compromises
                ],
            }
            for alternative in found
        ],
    )


def others(
    page: BookingForm,
    number: int,
    mistakes: dict[str, str] | None = None,
    *,
    status: int | None = None,
) -> HTMLResponse:
    """Other times for one proposed session."""
    sessions = page.planned
    current = sessions[number - 1].opening
    openings = draft_plans.others(page.session, page.enquiry, page.treatment, number, now=page.now)
    return page.show(
        "other_times.html",
        status=status,
        mistakes=mistakes,
        typed={},
        session=page.shown(sessions[number - 1]),
        days=page.options(openings, current, days=DAYS_TO_CHANGE_A_PROPOSAL),
    )


def details(
    page: BookingForm,
    typed: dict[str, str],
    mistakes: dict[str, str] | None = None,
    *,
    status: int | None = None,
) -> HTMLResponse:
    """The patient's name and phone, and consent to texts."""
    return page.show(
        "details.html",
        status=status,
        typed=typed,
        mistakes=mistakes,
        wording=consent.wording(translation.language().code),
        kept=page.hold_notice(),
        proved=bool(typed.get("number")) and page.proved(typed["number"]),
    )


def code(
    page: BookingForm, mistakes: dict[str, str] | None = None, *, status: int | None = None
) -> HTMLResponse:
    """The code from the text."""
    return page.show(
        "code.html",
        status=status,
        script="code.js",
        typed={},
        mistakes=mistakes,
        number=for_people(page.number),
    )


def _why_refused(page: BookingForm) -> str:
    """The reason why no plan fits the wishes; empty if one does."""
    refused = page.answers.refused
    return notices.text(page, refused) if refused else ""


def _mark_new_times(page: BookingForm, sessions: list[SessionView]) -> list[SessionView]:
    """Mark the sessions that differ from the previous plan, unless most of them do."""
    before = {
        (session.number, session.starts_at, session.practitioner_id)
        for session in (page.answers.before.sessions if page.answers.before else ())
    }
    now = {
        session.number: (session.number, session.starts_at, session.practitioner_id)
        for session in page.enquiry.sessions
    }
    new = {number for number, session in now.items() if session not in before}
    if not before or len(new) * 2 > len(now):
        return sessions
    return [
        replace(session, tag=_("new time")) if session.number in new else session
        for session in sessions
    ]


def _translated(question: screening.Question) -> screening.Question:
    return replace(question, words=_(question.words), hint=_(question.hint))


def _advice(answers: dict[str, str]) -> list[str]:
    """Advice that follows from the answers at once."""
    advice = [
        _(question.advice[answers[question.key]])
        for question in screening.QUESTIONS
        if question.advice and answers[question.key] in question.advice
    ]
    if screening.needs_clearance(answers):
        advice.insert(
            0,
            _(
                "Thank you. A practitioner will look at your answers before your first session. You"
                " can book now: your times are kept for you."
            ),
        )
    return advice


def _hours(page: BookingForm) -> list[tuple[str, str]]:
    dates = page.locale.dates
    noon = _("noon") if dates.twelve_hours else dates.clock(time(12))
    five = _("5 pm") if dates.twelve_hours else dates.clock(time(17))
    return [
        ("any", _("Any time")),
        ("morning", _("Before %(time)s") % {"time": noon}),
        ("afternoon", _("From %(start)s to %(end)s") % {"start": noon, "end": five}),
        ("evening", _("After %(time)s") % {"time": five}),
    ]
