"""The page of a waitlist entry: its wishes, its state, and a button to leave.

GET changes nothing, because programs that preview links must not end an entry.
"""

from dataclasses import dataclass
from datetime import time
from typing import Self

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.models import EntryState, WaitlistEntry
from scheduler.booking.waitlist import entries
from scheduler.clinic.hours import MINUTES_PER_DAY
from scheduler.clinic.models import Clinic, Treatment
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.phone import for_people
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import waitlist_pages
from scheduler.storage import links
from scheduler.web.site.page import PATIENT_WITHDREW, PrivatePage
from scheduler.web.site.view_models import Locale
from scheduler.web.site.visit import Reading, Visit, Writing

router = APIRouter()


@dataclass
class WaitlistPage(PrivatePage):
    """The page of a waitlist entry."""

    PREFIX = "/waiting"

    entry: WaitlistEntry
    patient: Patient

    @classmethod
    def open(cls, visit: Visit, token: str) -> Self:
        """The page behind a link; NoSuchLink alike for unknown and expired links."""
        link = links.follow(visit.session, token, purpose=entries.WAITLIST_LINK, now=visit.now)
        entry = visit.session.get_one(WaitlistEntry, link.subject_id)
        return cls(
            visit,
            token,
            visit.session.get_one(Clinic, entry.clinic_id),
            visit.session.get_one(Treatment, entry.treatment_id),
            entry,
            visit.session.get_one(Patient, entry.patient_id),
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """The patient's language, else the clinic's."""
        return self.patient.language, self.clinic.language


@router.get("/waiting/{token}")
def show(token: str, visit: Reading) -> HTMLResponse:
    """The wishes and the state of the entry."""
    page = WaitlistPage.open(visit, token)
    entry, phone = page.entry, page.patient.phone
    practitioner = page.name_of(entry.practitioner_id) if entry.practitioner_id else ""
    return page.show(
        "waitlist_entry.html",
        waits=entry.state in entries.OPEN_STATES,
        offered=entry.state == EntryState.OFFERED,
        taken=entry.state == EntryState.TAKEN,
        wishes=wishes_in_words(entry, page.locale, practitioner),
        silent=not page.patient.sms_consent or consent.is_stopped(visit.session, phone),
        number=for_people(phone),
        texted=waitlist_pages.has_page(visit.session, entry),
        minutes=page.clinic.waitlist_minutes,
        to_several=page.clinic.waitlist_mode == "first_come",
    )


@router.post("/waiting/{token}/withdrawal")
def leave(token: str, visit: Writing) -> Response:
    """Leave the waitlist."""
    page = WaitlistPage.open(visit, token)
    entries.withdraw(visit.session, page.actor, page.entry, reason=PATIENT_WITHDREW, now=visit.now)
    return page.go()


def wishes_in_words(entry: WaitlistEntry, locale: Locale, practitioner: str = "") -> list[str]:
    """The wishes of an entry, a line each."""
    lines = []
    if entry.first_day:
        lines.append(_("From %(day)s on") % {"day": locale.dates.day(entry.first_day)})
    if entry.weekdays:
        names = [translation.weekday_names()[day] for day in sorted(entry.weekdays)]
        lines.append(_("On these days: %(days)s") % {"days": translation.join(names)})
    lines.append(_hours_in_words(entry, locale))
    if practitioner:
        lines.append(_("With %(who)s") % {"who": practitioner})
    return lines


def _hours_in_words(entry: WaitlistEntry, locale: Locale) -> str:
    if entry.from_minute is None or entry.to_minute is None:
        return _("At any time of day")
    start, end = (
        locale.dates.clock(time(minute // 60 % 24, minute % 60))
        for minute in (entry.from_minute, entry.to_minute)
    )
    if entry.from_minute <= 0:
        return _("Before %(time)s") % {"time": end}
    if entry.to_minute >= MINUTES_PER_DAY:
        return _("After %(time)s") % {"time": start}
    return _("From %(start)s to %(end)s") % {"start": start, "end": end}
