"""Joining the waitlist for a whole course, from a booking form for which no plan fits.

The patient proves the phone that offers will be texted to, as for a booking.
"""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.availability import holds
from scheduler.booking.models import WaitlistEntry
from scheduler.booking.pace.pace import pace_of
from scheduler.booking.planning import plan_course
from scheduler.booking.stored_values import DraftAnswers
from scheduler.booking.waitlist import entries
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid, TooMany
from scheduler.infra.phone import for_people
from scheduler.patients import consent, screening, verification
from scheduler.patients.models import PhoneCode
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link
from scheduler.web.booking import complete, form_session, phone_code
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.site import forms, rendering
from scheduler.web.site.forms import Details, Form, Mistakes
from scheduler.web.site.page import SeeOther
from scheduler.web.site.visit import Reading, Typed, Visit, Writing
from scheduler.web.waitlist.routes import wishes_in_words

router = APIRouter(prefix="/book/{token}/waitlist")

LINK_OUTLIVES_WAIT = timedelta(days=14)


@router.get("")
def ask(token: str, visit: Reading) -> Response:
    """How waiting works, and the patient's name and phone."""
    page = _open(visit, token)
    details = page.answers.details
    return _form(page, details.typed if details else {})


@router.post("")
def take(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the details and text a code, or enter at once if the phone is proved already."""
    page = _open(visit, token, lock=True)
    typed = form.typed("name", "phone", "consent")
    try:
        details = _read_details(page, form)
        page.keep(details=form_session.details_as_kept(details, typed["phone"]))
        return _prove_or_enter(page, details.phone)
    except Mistakes as mistakes:
        return _form(page, typed, mistakes.sentences)
    except TooMany as problem:
        response = _form(page, typed, {"": _(problem.sentence)}, status=429)
        return rendering.too_often(response, problem)


@router.get("/code")
def ask_code(token: str, visit: Reading) -> Response:
    """The code from the text."""
    page = _open(visit, token)
    _require_code(page)
    return _code(page)


@router.post("/code")
def take_code(token: str, visit: Writing, form: Typed) -> Response:
    """Prove the phone and enter the waitlist."""
    page = _open(visit, token, lock=True)
    code = _require_code(page)
    if not page.proved(code.phone):
        try:
            verification.check(
                visit.session, code, form.one("code"), key=visit.settings.secret_key, now=visit.now
            )
        except Invalid as problem:
            # Answered, not raised: the failed attempt must be committed.
            return _code(page, {"code": _(problem.sentence)})
    return _enter(page)


@router.post("/code/again")
def send_code_again(token: str, visit: Writing) -> Response:
    """Text another code."""
    page = _open(visit, token, lock=True)
    _require_code(page)
    try:
        phone_code.text_code(page, page.number, resend=True)
    except TooMany as problem:
        response = _code(page, {"": _(problem.sentence)}, status=429)
        return rendering.too_often(response, problem)
    page.keep(notices=[phone_code.CODE_RESENT])
    return page.go("/waitlist/code")


def _open(visit: Visit, token: str, *, lock: bool = False) -> BookingForm:
    """The form. Raises SeeOther if there is nothing to wait for.

    SeeOther leads to the last page of a finished form, or else to the wishes.
    """
    page = BookingForm.open(visit, token, lock=lock)
    if link_id := page.answers.waiting:
        link = page.session.get_one(Link, link_id)
        raise SeeOther(f"/waiting/{links.token_of(visit.settings.secret_key, link.nonce)}")
    page.require("wishes")
    if not (page.answers.refused or page.enquiry.sessions):
        # No code is texted before the form is filled in as far as for a booking.
        raise SeeOther(f"{page.address}/wishes")
    return page


def _read_details(page: BookingForm, form: Form) -> Details:
    """The name and the phone; Mistakes. Texts must be agreed to, as offers come by text only."""
    mistakes: dict[str, str] = {}
    if form.one("consent") != "yes":
        mistakes["consent"] = _("We can tell you of free times by text only. Please tick the box.")
    try:
        details = forms.read_details(
            form, country=page.clinic.country, allowed=page.visit.settings.countries
        )
    except Mistakes as problem:
        raise Mistakes(problem.sentences | mistakes) from problem
    if mistakes:
        raise Mistakes(mistakes)
    return details


def _prove_or_enter(page: BookingForm, number: str) -> Response:
    """Enter the waitlist if the phone is proved, else text it a code; TooMany."""
    if page.proved(number):
        return _enter(page)
    phone_code.text_code(page, number)
    return page.go("/waitlist/code")


def _require_code(page: BookingForm) -> PhoneCode:
    """The code that was texted to the phone of the form; SeeOther if there is none."""
    code = page.code
    if code is None or code.phone != page.number:
        raise SeeOther(f"{page.address}/waitlist")
    return code


def _enter(page: BookingForm) -> Response:
    """Enter the waitlist with the answers of the form, and remove them from the form."""
    application, now = page.application, page.now
    patient = complete.enroll(page.session, page.actor, page.clinic, application, now=now)
    wording = consent.wording(application.language)
    consent.give(page.session, page.actor, patient, wording=wording, channel="web", now=now)
    screening.record(page.session, page.actor, patient, answers=application.health, now=now)
    wishes = _wishes(page)
    entry = entries.for_course(page.session, patient, page.treatment)
    if entry is not None:
        entries.change(page.session, page.actor, entry, wishes, now=now)
    else:
        entry = entries.enter(
            page.session,
            page.actor,
            now=now,
            treatment=page.treatment,
            patient=patient,
            whole_course=True,
            **wishes,
        )
    link, token = links.mint(
        page.session,
        page.visit.settings.secret_key,
        purpose=entries.WAITLIST_LINK,
        subject_id=stored_id(entry.id),
        now=now,
        expires_at=now + entries.LONGEST_WAIT + LINK_OUTLIVES_WAIT,
    )
    _clear(page, link)
    return rendering.go(f"/waiting/{token}")


def _clear(page: BookingForm, link: Link) -> None:
    """Remove the answers from the form and release its hold; keep the link to the entry."""
    hold_id, page.enquiry.hold_id = page.enquiry.hold_id, None
    page.enquiry.unproved_phone = ""
    page.enquiry.answers = DraftAnswers(language=page.language, waiting=link.id)
    page.enquiry.sessions, page.enquiry.compromises = [], []
    page.session.add(page.enquiry)
    page.session.flush()
    if hold_id is not None:
        holds.release(page.session, hold_id)


def _wishes(page: BookingForm) -> dict[str, Any]:
    """The wishes of the form, without weekdays if those are too few for the pace."""
    wishes = page.wishes
    start, end = wishes.between or (None, None)
    return {
        "first_day": wishes.start_on,
        "weekdays": [] if _too_few_days(page) else sorted(wishes.weekdays),
        "from_minute": start,
        "to_minute": end,
        "practitioner_id": wishes.practitioner_id,
    }


def _too_few_days(page: BookingForm) -> bool:
    """Whether the chosen weekdays are fewer than the pace needs, so no course can ever fit."""
    most_a_week = max(
        7 / pace_of(phase).ideal if phase.sessions > 1 else 1
        for phase in plan_course.phases_of(page.treatment)
        if not phase.optional
    )
    return bool(page.wishes.weekdays) and len(page.wishes.weekdays) < round(most_a_week)


def _form(
    page: BookingForm,
    typed: dict[str, str],
    mistakes: dict[str, str] | None = None,
    *,
    status: int | None = None,
) -> HTMLResponse:
    entry = WaitlistEntry(**_wishes(page))
    practitioner = page.name_of(entry.practitioner_id) if entry.practitioner_id else ""
    return page.show(
        "waitlist_form.html",
        framed=False,
        status=status,
        typed=typed,
        mistakes=mistakes,
        wishes=wishes_in_words(entry, page.locale, practitioner),
        too_few=_too_few_days(page),
        wording=consent.wording(translation.language().code),
        proved=bool(typed.get("number")) and page.proved(typed["number"]),
    )


def _code(
    page: BookingForm, mistakes: dict[str, str] | None = None, *, status: int | None = None
) -> HTMLResponse:
    return page.show(
        "waitlist_code.html",
        framed=False,
        script="code.js",
        status=status,
        typed={},
        mistakes=mistakes,
        number=for_people(page.number),
    )
