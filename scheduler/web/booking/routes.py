"""Booking a course, a question a page: health, wishes, times, name and phone, the code.

Every POST answers with "see other", so that reloading and going back send nothing again, and a step
that is sent twice finds that it is done. What has to be mended is shown with what was typed.
"""

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.availability.holds import SessionsTaken
from scheduler.booking.pace import planner
from scheduler.booking.planning import draft_bookings, draft_plans
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients import screening, verification
from scheduler.patients.models import Patient
from scheduler.phrases import errors
from scheduler.storage.database import stored_id
from scheduler.web.booking import complete, form_session, other_plans, phone_code
from scheduler.web.booking import pages as booking_pages
from scheduler.web.booking.form_session import STEPS, BookingForm
from scheduler.web.site import forms, rendering, treatments
from scheduler.web.site.forms import Mistakes
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/book")

SOME_TAKEN = marked(
    "Some of your times were taken while you were looking. This is the best course that is free now"
    " and fits your wishes; all that you told us is kept."
)
WHAT_HELPS = marked("It may help to tick more days, to take any time of day, or to start later.")


@router.post("")
def begin(visit: Writing, form: Typed) -> Response:
    """Open an empty form for a treatment."""
    treatment = treatments.find(visit.session, form.one("treatment_id"))
    enquiry, token = draft_bookings.begin(
        visit.session, treatment, origin=visit.origin, now=visit.now
    )
    draft_bookings.keep(visit.session, enquiry, language=translation.language().code)
    return rendering.go(f"/book/{token}/{STEPS[0]}")


@router.get("/{token}/screening")
def ask_health(token: str, visit: Reading) -> Response:
    """What to know before needling."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("screening"):
        return rendering.go(elsewhere)
    said = here.answer("health") or {"answers": {}, "pain_since": ""}
    return booking_pages.health(here, {**said["answers"], "pain_since": said["pain_since"]})


@router.post("/{token}/screening")
def take_health(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the answers about health."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("screening"):
        return rendering.go(elsewhere)
    try:
        health = forms.read_health(form)
    except Mistakes as wrong:
        names = [question.key for question in screening.QUESTIONS]
        return booking_pages.health(here, form.typed("pain_since", *names), wrong.sentences)
    here.keep(health=form_session.health_as_kept(health))
    _renew(here)
    return rendering.go(f"{here.base}/wishes")


@router.get("/{token}/wishes")
def ask_wishes(token: str, visit: Reading) -> Response:
    """When somebody would like to come."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("wishes"):
        return rendering.go(elsewhere)
    tomorrow = here.place.today + timedelta(days=1)
    said = here.answer("wishes") or {"start_on": tomorrow.isoformat(), "weekdays": []}
    return booking_pages.wishes(here, said, said["weekdays"])


@router.post("/{token}/wishes")
def take_wishes(token: str, visit: Writing, form: Typed) -> Response:
    """Propose a course for the wishes, and keep its times."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("wishes"):
        return rendering.go(elsewhere)
    try:
        wished = forms.read_wishes(
            form,
            today=here.place.today,
            horizon_days=here.treatment.horizon_days,
            practitioner_ids=[stored_id(practitioner.id) for practitioner in here.practitioners],
        )
        # Other wishes ask for the treatment's own pace again, and begin with plans anew.
        here.keep(
            wishes=form_session.wishes_as_kept(wished),
            accepted=None,
            phases=None,
            before=None,
            refused=None,
        )
        draft_plans.make(visit.session, here.enquiry, here.treatment, here.wishes, now=visit.now)
    except (Mistakes, planner.NoPlan, SessionsTaken, TooMany) as wrong:
        if isinstance(wrong, planner.NoPlan):
            here.keep(refused=other_plans.refusal_as_kept(wrong))
        typed = form.typed("start_on", "hours", "practitioner_id")
        return booking_pages.wishes(here, typed, form.many("weekdays"), _why_no_plan(wrong))
    return rendering.go(f"{here.base}/plan")


@router.get("/{token}/plan")
def show_plan(token: str, visit: Reading) -> Response:
    """The proposed course, week by week."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("plan"):
        return rendering.go(elsewhere)
    return booking_pages.plan(here, [(way.key, way.words) for way in other_plans.ways(here)])


@router.post("/{token}/plan")
def take_plan(token: str, visit: Writing) -> Response:
    """Accept the proposed times, if they can still be had."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("plan"):
        return rendering.go(elsewhere)
    if not draft_plans.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
        return _plan_anew(here)
    here.keep(accepted=True)
    return rendering.go(f"{here.base}/details")


@router.get("/{token}/plan/{number}")
def show_others(token: str, number: str, visit: Reading) -> Response:
    """Other times for one session."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("plan"):
        return rendering.go(elsewhere)
    return booking_pages.others(here, form_session.session_number(here, number))


@router.post("/{token}/plan/{number}")
def take_other(token: str, number: str, visit: Writing, form: Typed) -> Response:
    """Give one session another time."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("plan"):
        return rendering.go(elsewhere)
    which = form_session.session_number(here, number)
    if not draft_plans.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
        return _plan_anew(here)
    try:
        starts_at, practitioner_id = forms.read_slot(form)
        before = here.proposal_as_kept()
        draft_plans.change(
            visit.session,
            here.enquiry,
            here.treatment,
            which,
            starts_at=starts_at,
            practitioner_id=practitioner_id,
            now=visit.now,
        )
    except Invalid as wrong:
        return booking_pages.others(here, which, {"slot": wrong.sentence})
    except draft_plans.NoLongerFree as gone:
        return booking_pages.others(here, which, {"slot": _(gone.sentence)}, status=409)
    now_on = here.shown(here.planned[which - 1])
    now_said = _("Session %(number)s is now on %(when)s.") % {
        "number": which,
        "when": now_on.spoken,
    }
    here.keep(notices=[now_said], before=before)
    return rendering.go(f"{here.base}/plan")


@router.get("/{token}/details")
def ask_details(token: str, visit: Reading) -> Response:
    """Who comes, and whether we may text."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("details"):
        return rendering.go(elsewhere)
    return booking_pages.details(here, here.answer("details") or {})


@router.post("/{token}/details")
def take_details(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the details and text a code, or book at once where the phone is proved already."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("details"):
        return rendering.go(elsewhere)
    typed = form.typed("name", "phone", "consent")
    try:
        details = forms.read_details(
            form, country=here.clinic.country, allowed=visit.settings.countries
        )
    except Mistakes as wrong:
        return booking_pages.details(here, typed, wrong.sentences)
    here.keep(details=form_session.details_as_kept(details, typed["phone"]))
    proved = here.proved(details.phone)
    try:
        if not proved:
            draft_bookings.claim_phone(visit.session, here.enquiry, details.phone, now=visit.now)
        # No text before the times are really kept: an empty form must not be able to send any.
        if not draft_plans.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
            return _plan_anew(here)
        if proved:
            return _book(here)
        phone_code.text_code(here, details.phone)
    except TooMany as often:
        return rendering.too_often(
            booking_pages.details(here, typed, {"": _(often.sentence)}, status=429), often
        )
    return rendering.go(f"{here.base}/code")


@router.get("/{token}/code")
def ask_code(token: str, visit: Reading) -> Response:
    """The digits that were texted."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("code"):
        return rendering.go(elsewhere)
    return booking_pages.code(here)


@router.post("/{token}/code")
def take_code(token: str, visit: Writing, form: Typed) -> Response:
    """Prove the phone and book, all in one."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("code"):
        return rendering.go(elsewhere)
    if here.proved(here.answer("details")["number"]):
        return _book(here)
    code = here.code
    if code is None:  # `elsewhere` has seen to it
        return rendering.go(f"{here.base}/details")
    try:
        verification.check(
            visit.session, code, form.one("code"), key=visit.settings.secret_key, now=visit.now
        )
    except Invalid as wrong:
        # Answered, not raised: the try must be counted.
        return booking_pages.code(here, {"code": _(wrong.sentence)})
    return _book(here)


@router.post("/{token}/code/again")
def send_code_again(token: str, visit: Writing) -> Response:
    """Text another code."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("code"):
        return rendering.go(elsewhere)
    number = here.answer("details")["number"]
    try:
        draft_bookings.claim_phone(visit.session, here.enquiry, number, now=visit.now)
        _renew(here)
        phone_code.text_code(here, number, anew=True)
    except TooMany as often:
        return rendering.too_often(
            booking_pages.code(here, {"": _(often.sentence)}, status=429), often
        )
    here.keep(notices=[_(phone_code.ON_ITS_WAY)])
    return rendering.go(f"{here.base}/code")


@router.post("/{token}/leave")
def leave(token: str, visit: Writing) -> Response:
    """Let the times go and begin again; what is booked stays booked."""
    try:
        here = form_session.open_form(visit, token, lock=True)
    except draft_bookings.EnquiryGone:
        return rendering.go("/")  # the button was pressed twice
    if here.enquiry.course_id is not None:
        return rendering.go(f"{here.base}/{form_session.DONE}")
    draft_bookings.leave(visit.session, here.enquiry)
    return rendering.go(f"/?clinic={here.clinic.id}&lang={translation.language().code}")


def _book(here: BookingForm) -> Response:
    """Book what is proposed for whom the phone belongs to, or propose anew what is free."""
    visit, said = here.visit, here.application
    here.enquiry.unproved_phone = ""
    patient = complete.enrol(visit.session, here.actor, here.clinic, said, now=visit.now)
    try:
        complete.book(
            visit.session,
            here.actor,
            here.enquiry,
            here.treatment,
            patient=patient,
            said=said,
            key=visit.settings.secret_key,
            now=visit.now,
        )
    except SessionsTaken:
        return _plan_anew(here, patient)
    return rendering.go(f"{here.base}/{form_session.DONE}")


def _plan_anew(here: BookingForm, patient: Patient | None = None) -> Response:
    """What was proposed is gone: propose what is free now, and say so."""
    visit = here.visit
    try:
        draft_plans.make(
            visit.session,
            here.enquiry,
            here.treatment,
            here.wishes,
            now=visit.now,
            patient=patient,
        )
    except (planner.NoPlan, SessionsTaken, TooMany) as wrong:
        refused = other_plans.refusal_as_kept(wrong)
        here.keep(notices=list(_why_no_plan(wrong).values()), accepted=None, refused=refused)
        return rendering.go(f"{here.base}/wishes")
    here.keep(notices=[_(SOME_TAKEN)], accepted=None, before=None)
    return rendering.go(f"{here.base}/plan")


def _renew(here: BookingForm) -> None:
    """Whoever goes on filling the form keeps the times; a lapsed hold is told at the next step."""
    if here.enquiry.hold_id is not None:
        draft_plans.renew(here.visit.session, here.enquiry, here.treatment, now=here.visit.now)


def _why_no_plan(wrong: Exception) -> dict[str, str]:
    if isinstance(wrong, Mistakes):
        return wrong.sentences
    if isinstance(wrong, planner.NoPlan):
        sentence = errors.sentence(wrong)
        helps = isinstance(wrong, ExplainedNoPlan) and wrong.remedies
        return {"": sentence if helps else f"{sentence} {_(WHAT_HELPS)}"}
    if isinstance(wrong, TooMany):
        return {"": _(wrong.sentence)}
    return {"": _("Others are booking at this very moment and took these times. Please try again.")}
