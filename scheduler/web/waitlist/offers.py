"""The page of one offer: the free time, the time it would replace, and yes or no.

The link comes by text and expires with the offer. GET changes nothing, because programs that
preview links must not accept or decline an offer.
"""

from dataclasses import dataclass
from typing import Self

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.courses import private_links
from scheduler.booking.models import Appointment, Course, Offer, OfferState, WaitlistEntry
from scheduler.booking.waitlist import entries, offers
from scheduler.booking.waitlist.offers import OfferOver, OfferTaken
from scheduler.clinic.models import Clinic, Treatment
from scheduler.i18n.translation import gettext as _
from scheduler.patients.models import Patient
from scheduler.reminders.kinds.waitlist_offers import OFFER_LINK
from scheduler.storage import links
from scheduler.web.site import rendering
from scheduler.web.site.page import PrivatePage
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Reading, Visit, Writing

router = APIRouter()


@dataclass
class OfferPage(PrivatePage):
    """The page of an offer."""

    PREFIX = "/offers"

    offer: Offer
    entry: WaitlistEntry
    patient: Patient

    @classmethod
    def open(cls, visit: Visit, token: str) -> Self:
        """The page behind a link; NoSuchLink alike for unknown and expired links."""
        link = links.follow(visit.session, token, purpose=OFFER_LINK, now=visit.now)
        offer = visit.session.get_one(Offer, link.subject_id)
        entry = visit.session.get_one(WaitlistEntry, offer.entry_id)
        return cls(
            visit,
            token,
            visit.session.get_one(Clinic, offer.clinic_id),
            visit.session.get_one(Treatment, entry.treatment_id),
            offer,
            entry,
            visit.session.get_one(Patient, entry.patient_id),
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """The patient's language, else the clinic's."""
        return self.patient.language, self.clinic.language

    @property
    def state(self) -> str:
        """open, accepted, declined or gone."""
        state = OfferState(self.offer.state)
        if state in {OfferState.OPEN, OfferState.ACCEPTED, OfferState.DECLINED}:
            return str(state)
        return "gone"

    @property
    def sessions(self) -> list[SessionView]:
        """The offered sessions in words."""
        return [
            self.session_view(number, offered.starts_at, offered.practitioner_id)
            for number, offered in enumerate(self.offer.sessions, start=1)
        ]

    @property
    def instead_of(self) -> SessionView | None:
        """The session that the offer would replace, in words."""
        appointment = self.session.get(Appointment, self.entry.appointment_id or 0)
        if appointment is None or self.entry.wants != "earlier":
            return None
        return self.session_view(
            appointment.number, appointment.starts_at, appointment.practitioner_id
        )

    @property
    def until(self) -> str:
        """The time of day at which the offer expires."""
        return self.locale.dates.clock(self.offer.expires_at.astimezone(self.locale.zone).time())

    def render(self, state: str, *, reason: str = "", status: int = 200) -> HTMLResponse:
        """The page of the offer in this state; `reason`: why it is gone."""
        return self.show(
            "offer.html",
            status=status,
            state=state,
            reason=reason,
            leaving=self.entry.state not in entries.OPEN_STATES,
            sessions=self.sessions,
            instead_of=self.instead_of,
            to_several=self.offer.to_several,
            until=self.until,
        )


@router.get("/offers/{token}")
def show(token: str, visit: Reading) -> HTMLResponse:
    """The offered time, until when, and the session that it would replace."""
    page = OfferPage.open(visit, token)
    return page.render(page.state)


@router.post("/offers/{token}/acceptance")
def accept(token: str, visit: Writing) -> Response:
    """Accept the offer; the patient's previous time becomes free."""
    page = OfferPage.open(visit, token)
    try:
        offers.accept(visit.session, page.actor, page.offer, now=visit.now)
    except (OfferOver, OfferTaken) as problem:
        return page.render("gone", reason=_(problem.sentence), status=409)
    return page.go()


@router.post("/offers/{token}/course")
def open_course(token: str, visit: Writing) -> Response:
    """Redirect to the private page of the course that the accepted offer belongs to.

    Both addresses are texted to the same phone. This one opens the other only until the offer's
    link expires.
    """
    page = OfferPage.open(visit, token)
    appointment = visit.session.get(Appointment, page.entry.appointment_id or 0)
    if page.offer.state != OfferState.ACCEPTED or appointment is None:
        return page.go()
    course = visit.session.get_one(Course, appointment.course_id)
    link = private_links.link_to(
        visit.session, course, purpose=private_links.COURSE_LINK, now=visit.now
    )
    key = visit.settings.secret_key
    if link is None:
        link = private_links.mint(
            visit.session, key, course, purpose=private_links.COURSE_LINK, now=visit.now
        )
    return rendering.go(f"/my/{links.token_of(key, link.nonce)}")


@router.post("/offers/{token}/decline")
def decline(token: str, visit: Writing) -> Response:
    """Decline the offer and stay on the waitlist."""
    return _decline(OfferPage.open(visit, token), leave=False)


@router.post("/offers/{token}/withdrawal")
def leave(token: str, visit: Writing) -> Response:
    """Decline the offer and leave the waitlist."""
    return _decline(OfferPage.open(visit, token), leave=True)


def _decline(page: OfferPage, *, leave: bool) -> Response:
    try:
        offers.decline(page.session, page.actor, page.offer, leave=leave, now=page.now)
    except OfferOver as problem:
        return page.render("gone", reason=_(problem.sentence), status=409)
    return page.go()
