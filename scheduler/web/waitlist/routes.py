"""The waitlist as patients see it: wait for a whole course, look at it, and end it.

Whoever waits has proved the phone to which offers are texted, as for a booking. GET only
shows.
"""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.availability import holds
from scheduler.booking.models import EntryState, WaitlistEntry
from scheduler.booking.pace.pace import pace_of
from scheduler.booking.planning import plan_course
from scheduler.booking.waitlist import entries
from scheduler.clinic.hours import DAY
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid, TooMany
from scheduler.infra.phone import for_people
from scheduler.patients import consent, screening, verification
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import waitlist_pages as waits_by_text
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link
from scheduler.web.booking import complete, form_session, phone_code
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.site import forms, rendering
from scheduler.web.site.forms import Mistakes
from scheduler.web.site.view_models import Locale
from scheduler.web.site.visit import Reading, Typed, Visit, Writing

router = APIRouter()

OUTLIVES = timedelta(days=14)


@router.get("/book/{token}/waitlist")
def ask(token: str, visit: Reading) -> Response:
    """What it means to wait, and who waits."""
    here = form_session.open_form(visit, token)
    return _elsewhere(here) or _form(here, here.answer("details") or {})


@router.post("/book/{token}/waitlist")
def take(token: str, visit: Writing, form: Typed) -> Response:
    """Keep who waits, and text a code, or be done where the phone is proved already."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := _elsewhere(here):
        return elsewhere
    typed = form.typed("name", "phone", "consent")
    mistakes: dict[str, str] = {}
    if typed["consent"] != "yes":
        mistakes["consent"] = _("We can tell you of free times by text only. Please tick the box.")
    try:
        details = forms.read_details(
            form, country=here.clinic.country, allowed=visit.settings.countries
        )
    except Mistakes as wrong:
        return _form(here, typed, wrong.sentences | mistakes)
    if mistakes:
        return _form(here, typed, mistakes)
    here.keep(details=form_session.details_as_kept(details, typed["phone"]))
    if here.proved(details.phone):
        return _enter(here)
    try:
        phone_code.text_code(here, details.phone)
    except TooMany as often:
        return rendering.too_often(_form(here, typed, {"": _(often.sentence)}, status=429), often)
    return rendering.go(f"{here.base}/waitlist/code")


@router.get("/book/{token}/waitlist/code")
def ask_code(token: str, visit: Reading) -> Response:
    """The digits that were texted."""
    here = form_session.open_form(visit, token)
    return _elsewhere(here) or _code_first(here) or _code(here)


@router.post("/book/{token}/waitlist/code")
def take_code(token: str, visit: Writing, form: Typed) -> Response:
    """Prove the phone, and wait from now on."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := _elsewhere(here):
        return elsewhere
    code = here.code
    if (elsewhere := _code_first(here)) or code is None:
        return elsewhere or rendering.go(f"{here.base}/waitlist")
    if not here.proved(code.phone):
        try:
            verification.check(
                visit.session, code, form.one("code"), key=visit.settings.secret_key, now=visit.now
            )
        except Invalid as wrong:
            # Answered, not raised: the try must be counted.
            return _code(here, {"code": _(wrong.sentence)})
    return _enter(here)


@router.post("/book/{token}/waitlist/code/again")
def send_code_again(token: str, visit: Writing) -> Response:
    """Text another code."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := _elsewhere(here) or _code_first(here):
        return elsewhere
    try:
        phone_code.text_code(here, here.answer("details")["number"], anew=True)
    except TooMany as often:
        return rendering.too_often(_code(here, {"": _(often.sentence)}, status=429), often)
    here.keep(notices=[_(phone_code.ON_ITS_WAY)])
    return rendering.go(f"{here.base}/waitlist/code")


@router.get("/waiting/{token}")
def show(token: str, visit: Reading) -> HTMLResponse:
    """How somebody waits, and for what."""
    return _page(_open(visit, token), token)


@router.post("/waiting/{token}/withdrawal")
def leave(token: str, visit: Writing) -> Response:
    """No more offers."""
    place = _open(visit, token)
    actor = visit.actor(stored_id(place.clinic.id))
    reason = "The patient asked for it."
    entries.withdraw(visit.session, actor, place.entry, reason=reason, now=visit.now)
    return rendering.go(f"/waiting/{token}")


def wishes_in_words(entry: WaitlistEntry, place: Locale, who: str = "") -> list[str]:
    """What would suit somebody, a line each."""
    lines = []
    if entry.first_day:
        lines.append(_("From %(day)s on") % {"day": place.manner.day(entry.first_day)})
    if entry.weekdays:
        names = [translation.weekday_names()[day] for day in sorted(entry.weekdays)]
        lines.append(_("On these days: %(days)s") % {"days": translation.join(names)})
    if entry.from_minute is not None and entry.to_minute is not None:
        start, end = (
            place.manner.clock(time(minute // 60 % 24, minute % 60))
            for minute in (entry.from_minute, entry.to_minute)
        )
        if entry.from_minute <= 0:
            lines.append(_("Before %(time)s") % {"time": end})
        elif entry.to_minute >= DAY:
            lines.append(_("After %(time)s") % {"time": start})
        else:
            lines.append(_("From %(start)s to %(end)s") % {"start": start, "end": end})
    else:
        lines.append(_("At any time of day"))
    if who:
        lines.append(_("With %(who)s") % {"who": who})
    return lines


@dataclass
class WaitlistPage:
    """An entry with all that its page says."""

    visit: Visit
    entry: WaitlistEntry
    clinic: Clinic


def _elsewhere(here: BookingForm) -> Response | None:
    """Where to go where there is nothing to wait for: the end if there is one, or the wishes."""
    if link_id := here.answer("waiting"):
        link = here.visit.session.get_one(Link, link_id)
        token = links.token_of(here.visit.settings.secret_key, link.nonce)
        return rendering.go(f"/waiting/{token}")
    if not (here.answer("refused") or here.enquiry.sessions):
        # No code goes out before a form was filled as far as for a booking.
        return rendering.go(here.elsewhere("wishes") or f"{here.base}/wishes")
    elsewhere = here.elsewhere("wishes")
    return rendering.go(elsewhere) if elsewhere else None


def _enter(here: BookingForm) -> Response:
    """Wait, with the wishes and the answers of the form, which forgets them."""
    visit, said = here.visit, here.application
    patient = complete.enrol(visit.session, here.actor, here.clinic, said, now=visit.now)
    wording = consent.wording(said.language)
    consent.give(visit.session, here.actor, patient, wording=wording, channel="web", now=visit.now)
    screening.record(visit.session, here.actor, patient, answers=said.health, now=visit.now)
    wishes = _wishes(here)
    entry = entries.for_course(visit.session, patient, here.treatment)
    if entry is not None:
        entries.change(visit.session, here.actor, entry, wishes, now=visit.now)
    else:
        entry = entries.enter(
            visit.session,
            here.actor,
            now=visit.now,
            treatment=here.treatment,
            patient=patient,
            whole_course=True,
            **wishes,
        )
    link, token = links.mint(
        visit.session,
        visit.settings.secret_key,
        purpose=entries.PURPOSE,
        subject_id=stored_id(entry.id),
        now=visit.now,
        expires_at=visit.now + entries.LONGEST_WAIT + OUTLIVES,
    )
    hold_id, here.enquiry.hold_id = here.enquiry.hold_id, None
    here.enquiry.unproved_phone = ""
    here.enquiry.answers = {"language": here.language, "waiting": link.id}
    here.enquiry.sessions, here.enquiry.compromises = [], []
    visit.session.add(here.enquiry)
    visit.session.flush()
    if hold_id is not None:
        holds.release(visit.session, hold_id)
    return rendering.go(f"/waiting/{token}")


def _wishes(here: BookingForm) -> dict[str, Any]:
    """What would suit: as wished, but for days that are too few for the pace."""
    wished = here.wishes
    least, most = wished.between or (None, None)
    return {
        "first_day": wished.start_on,
        "weekdays": [] if _too_few(here) else sorted(wished.weekdays),
        "from_minute": least,
        "to_minute": most,
        "practitioner_id": wished.practitioner_id,
    }


def _too_few(here: BookingForm) -> bool:
    """Whether the wished weekdays are fewer than the pace needs: such a course cannot come free."""
    densest = max(
        7 / pace_of(phase).ideal if phase.sessions > 1 else 1
        for phase in plan_course.phases_of(here.treatment)
        if not phase.optional
    )
    return bool(here.wishes.weekdays) and len(here.wishes.weekdays) < round(densest)


def _form(
    here: BookingForm,
    typed: dict[str, str],
    mistakes: dict[str, str] | None = None,
    *,
    status: int = 422,
) -> HTMLResponse:
    entry = WaitlistEntry(**_wishes(here))
    who = here.name_of(entry.practitioner_id) if entry.practitioner_id else ""
    return rendering.show(
        "waitlist.html",
        status=status if mistakes else 200,
        clinic=here.clinic,
        treatment=here.treatment,
        base=here.base,
        asked=here.asked,
        typed=typed,
        mistakes=mistakes or {},
        wishes=wishes_in_words(entry, here.place, who),
        too_few=_too_few(here),
        wording=consent.wording(translation.language().code),
        proved=bool(typed.get("number")) and here.proved(typed["number"]),
    )


def _code_first(here: BookingForm) -> Response | None:
    """Where to go where no code was texted to the phone of the form yet."""
    details, code = here.answer("details"), here.code
    if not details or code is None or code.phone != details["number"]:
        return rendering.go(f"{here.base}/waitlist")
    return None


def _code(
    here: BookingForm, mistakes: dict[str, str] | None = None, *, status: int = 422
) -> HTMLResponse:
    return rendering.show(
        "waitlist_code.html",
        script="code.js",
        status=status if mistakes else 200,
        notices=here.answer("notices") or [],
        clinic=here.clinic,
        base=here.base,
        asked=here.asked,
        typed={},
        mistakes=mistakes or {},
        number=for_people(here.answer("details")["number"]),
    )


def _open(visit: Visit, token: str) -> WaitlistPage:
    """The entry behind a link; the same NotFound for each link that leads nowhere any more."""
    link = links.follow(visit.session, token, purpose=entries.PURPOSE, now=visit.now)
    entry = visit.session.get_one(WaitlistEntry, link.subject_id)
    clinic = visit.session.get_one(Clinic, entry.clinic_id)
    visit.speak(visit.session.get_one(Patient, entry.patient_id).language, clinic.language)
    return WaitlistPage(visit, entry, clinic)


def _page(waits: WaitlistPage, token: str) -> HTMLResponse:
    session, entry = waits.visit.session, waits.entry
    patient = session.get_one(Patient, entry.patient_id)
    place = Locale.of(waits.clinic, waits.visit.now)
    own = session.get(Practitioner, entry.practitioner_id or 0)
    return rendering.show(
        "waiting.html",
        clinic=waits.clinic,
        treatment=session.get_one(Treatment, entry.treatment_id),
        base=f"/waiting/{token}",
        waits=entry.state in entries.OPEN_STATES,
        offered=entry.state == EntryState.OFFERED,
        taken=entry.state == EntryState.TAKEN,
        wishes=wishes_in_words(entry, place, own.name if own else ""),
        silent=not patient.sms_consent or consent.is_stopped(session, patient.phone),
        number=for_people(patient.phone),
        texted=waits_by_text.has_page(session, entry),
        minutes=waits.clinic.waitlist_minutes,
        to_several=waits.clinic.waitlist_mode == "first_come",
    )
