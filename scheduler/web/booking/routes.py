"""The steps of the booking form: health, wishes, plan, details, code.

Each POST answers with "see other", so that reloading sends nothing twice. A step that is sent twice
finds that it is done. A page with mistakes shows the typed answers again.
"""

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.pace.refusals import NoPlan
from scheduler.booking.planning import draft_bookings, draft_plans
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients import screening, verification
from scheduler.web.booking import complete, form_session, notices, pages, phone_code, proposal
from scheduler.web.booking.ahead import AheadOfWishes
from scheduler.web.booking.form_session import STEPS, BookingForm
from scheduler.web.site import forms, rendering, treatments
from scheduler.web.site.forms import Mistakes
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/book")


@router.post("")
def begin(visit: Writing, form: Typed) -> Response:
    """Create an empty form for a treatment."""
    treatment = treatments.find(visit.session, form.one("treatment_id"))
    enquiry, token = draft_bookings.begin(
        visit.session, treatment, origin=visit.origin, now=visit.now
    )
    draft_bookings.keep(visit.session, enquiry, language=translation.language().code)
    return rendering.go(f"/book/{token}/{STEPS[0]}")


@router.get("/{token}/screening")
def ask_health(token: str, visit: Reading) -> Response:
    """Questions about health."""
    page = BookingForm.open(visit, token, "screening")
    return pages.health(page, page.health.typed)


@router.post("/{token}/screening")
def take_health(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the answers about health."""
    page = BookingForm.open(visit, token, "screening", lock=True)
    try:
        health = forms.read_health(form)
    except Mistakes as mistakes:
        names = [question.key for question in screening.QUESTIONS]
        return pages.health(page, form.typed("pain_since", *names), mistakes.sentences)
    page.keep(health=form_session.health_as_kept(health))
    proposal.renew(page)
    return page.go("/wishes")


@router.get("/{token}/wishes")
def ask_wishes(token: str, visit: Reading) -> Response:
    """When the patient would like to come."""
    page = BookingForm.open(visit, token, "wishes")
    return pages.wishes(page, page.wished.typed, [str(day) for day in page.wished.weekdays])


@router.post("/{token}/wishes")
def take_wishes(token: str, ahead: AheadOfWishes, visit: Writing, form: Typed) -> Response:
    """Propose a course for the wishes, and hold its times."""
    page = BookingForm.open(visit, token, "wishes", lock=True)
    try:
        wishes = form_session.read_wishes(page, form)
        # New wishes start again from the treatment's own pace, without a previous plan.
        page.keep(
            wishes=form_session.wishes_as_kept(wishes),
            accepted=None,
            phases=None,
            before=None,
            refused=None,
        )
        draft_plans.make(
            visit.session,
            page.enquiry,
            page.treatment,
            page.wishes,
            now=visit.now,
            ready=ahead.result(),
        )
    except (Mistakes, NoPlan, SessionsTaken, TooMany) as problem:
        if isinstance(problem, NoPlan):
            page.keep(refused=notices.of_problem(problem))
        typed = form.typed("start_on", "hours", "practitioner_id")
        return pages.wishes(page, typed, form.many("weekdays"), proposal.mistakes(page, problem))
    return page.go("/plan")


@router.get("/{token}/details")
def ask_details(token: str, visit: Reading) -> Response:
    """The patient's name and phone, and consent to texts."""
    page = BookingForm.open(visit, token, "details")
    details = page.answers.details
    return pages.details(page, details.typed if details else {})


@router.post("/{token}/details")
def take_details(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the details and text a code, or book at once if the phone is proved already."""
    page = BookingForm.open(visit, token, "details", lock=True)
    typed = form.typed("name", "phone", "consent")
    try:
        details = forms.read_details(
            form, country=page.clinic.country, allowed=visit.settings.countries
        )
    except Mistakes as mistakes:
        return pages.details(page, typed, mistakes.sentences)
    page.keep(details=form_session.details_as_kept(details, typed["phone"]))
    try:
        return _prove_or_book(page, details.phone)
    except TooMany as problem:
        response = pages.details(page, typed, {"": _(problem.sentence)}, status=429)
        return rendering.too_often(response, problem)


@router.get("/{token}/code")
def ask_code(token: str, visit: Reading) -> Response:
    """The code from the text."""
    return pages.code(BookingForm.open(visit, token, "code"))


@router.post("/{token}/code")
def take_code(token: str, visit: Writing, form: Typed) -> Response:
    """Prove the phone and book, in one transaction."""
    page = BookingForm.open(visit, token, "code", lock=True)
    if page.proved(page.number):
        return _book(page)
    code = page.code
    if code is None:  # the step requires one
        return page.go("/details")
    try:
        verification.check(
            visit.session, code, form.one("code"), key=visit.settings.secret_key, now=visit.now
        )
    except Invalid as problem:
        # Answered, not raised: the failed attempt must be committed.
        return pages.code(page, {"code": _(problem.sentence)})
    return _book(page)


@router.post("/{token}/code/again")
def send_code_again(token: str, visit: Writing) -> Response:
    """Text another code."""
    page = BookingForm.open(visit, token, "code", lock=True)
    number = page.number
    try:
        draft_bookings.claim_phone(visit.session, page.enquiry, number, now=visit.now)
        proposal.renew(page)
        phone_code.text_code(page, number, resend=True)
    except TooMany as problem:
        response = pages.code(page, {"": _(problem.sentence)}, status=429)
        return rendering.too_often(response, problem)
    page.keep(notices=[phone_code.CODE_RESENT])
    return page.go("/code")


@router.post("/{token}/leave")
def leave(token: str, visit: Writing) -> Response:
    """Release the times and start again. A booked course stays booked."""
    try:
        page = BookingForm.open(visit, token, lock=True)
    except draft_bookings.EnquiryGone:
        return rendering.go("/")  # the button was pressed twice
    if page.enquiry.course_id is not None:
        return page.go(f"/{form_session.DONE}")
    draft_bookings.leave(visit.session, page.enquiry)
    return rendering.go(f"/?clinic={page.clinic.id}&lang={translation.language().code}")


def _prove_or_book(page: BookingForm, number: str) -> Response:
    """Book if the phone is proved, else text it a code; TooMany."""
    proved = page.proved(number)
    if not proved:
        draft_bookings.claim_phone(page.session, page.enquiry, number, now=page.now)
    # The times must be held before a text is sent: an empty form must not be able to send any.
    if not draft_plans.renew(page.session, page.enquiry, page.treatment, now=page.now):
        return proposal.propose_again(page)
    if proved:
        return _book(page)
    phone_code.text_code(page, number)
    return page.go("/code")


def _book(page: BookingForm) -> Response:
    """Book the proposal, or propose the times that are free now."""
    application = page.application
    page.enquiry.unproved_phone = ""
    patient = complete.enroll(page.session, page.actor, page.clinic, application, now=page.now)
    try:
        complete.book(
            page.session,
            page.actor,
            page.enquiry,
            page.treatment,
            patient=patient,
            application=application,
            key=page.visit.settings.secret_key,
            now=page.now,
        )
    except SessionsTaken:
        return proposal.propose_again(page, patient)
    return page.go(f"/{form_session.DONE}")
