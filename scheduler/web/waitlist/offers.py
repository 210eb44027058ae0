"""The page of one offer: what is free, what would become of the time one has, yes or no.

It comes by text and lives as long as its offer. GET only shows: whatever looks at links before
people do takes nothing and turns nothing down.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.models import Appointment, Course, Offer, OfferState, WaitlistEntry
from scheduler.booking.waitlist import entries, offers
from scheduler.booking.waitlist.offers import OfferOver, OfferTaken
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.i18n.translation import gettext as _
from scheduler.patients.models import Patient
from scheduler.reminders.kinds.waitlist_offers import PURPOSE
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.web.booking import complete
from scheduler.web.site import rendering, view_models
from scheduler.web.site.view_models import Locale, SessionView
from scheduler.web.site.visit import Reading, Visit, Writing

router = APIRouter()


@dataclass
class OfferPage:
    """An offer with all that its page says."""

    visit: Visit
    offer: Offer
    entry: WaitlistEntry
    clinic: Clinic

    @property
    def place(self) -> Locale:
        """Where and when it is read."""
        return Locale.of(self.clinic, self.visit.now)

    @property
    def treatment(self) -> Treatment:
        """What for."""
        return self.visit.session.get_one(Treatment, self.entry.treatment_id)

    @property
    def sessions(self) -> list[SessionView]:
        """What is offered, in words."""
        return [
            self._shown(number, datetime.fromisoformat(each["starts_at"]), each["practitioner_id"])
            for number, each in enumerate(self.offer.sessions, start=1)
        ]

    @property
    def instead_of(self) -> SessionView | None:
        """The session that it would be instead of, in words."""
        own = self.visit.session.get(Appointment, self.entry.appointment_id or 0)
        if own is None or self.entry.wants != "earlier":
            return None
        return self._shown(own.number, own.starts_at, own.practitioner_id)

    @property
    def until(self) -> str:
        """Until when it runs."""
        return self.place.manner.clock(self.offer.expires_at.astimezone(self.place.zone).time())

    def _shown(self, number: int, starts_at: datetime, practitioner_id: int) -> SessionView:
        return view_models.session_view(
            self.place,
            number=number,
            phase=1,
            starts_at=starts_at,
            minutes=self.treatment.minutes,
            who=self.visit.session.get_one(Practitioner, practitioner_id).name,
        )


@router.get("/offers/{token}")
def show(token: str, visit: Reading) -> HTMLResponse:
    """What is offered, until when, and what it would be instead of."""
    letter = _open(visit, token)
    return _page(letter, token, _state(letter))


@router.post("/offers/{token}/acceptance")
def accept(token: str, visit: Writing) -> Response:
    """Yes: the time is theirs, and the one they had is somebody else's."""
    letter = _open(visit, token)
    actor = visit.actor(stored_id(letter.clinic.id))
    try:
        offers.accept(visit.session, actor, letter.offer, now=visit.now)
    except (OfferOver, OfferTaken) as late:
        return _page(letter, token, "gone", said=_(late.sentence), status=409)
    return rendering.go(f"/offers/{token}")


@router.post("/offers/{token}/course")
def open_course(token: str, visit: Writing) -> Response:
    """The private page of the course in which the time was taken.

    Both addresses are texted to the same phone; this one opens the other for the few minutes that
    the offer would have run.
    """
    letter = _open(visit, token)
    taken = visit.session.get(Appointment, letter.entry.appointment_id or 0)
    if letter.offer.state != OfferState.ACCEPTED or taken is None:
        return rendering.go(f"/offers/{token}")
    course = visit.session.get_one(Course, taken.course_id)
    link = complete.link_to(visit.session, course, purpose=complete.PURPOSE, now=visit.now)
    key = visit.settings.secret_key
    if link is None:
        link = complete.mint(visit.session, key, course, purpose=complete.PURPOSE, now=visit.now)
    return rendering.go(f"/my/{links.token_of(key, link.nonce)}")


@router.post("/offers/{token}/decline")
def decline(token: str, visit: Writing) -> Response:
    """No: it goes to the next, and they go on waiting."""
    return _decline(token, visit, leave=False)


@router.post("/offers/{token}/withdrawal")
def leave(token: str, visit: Writing) -> Response:
    """No, and no more offers."""
    return _decline(token, visit, leave=True)


def _decline(token: str, visit: Visit, *, leave: bool) -> Response:
    letter = _open(visit, token)
    actor = visit.actor(stored_id(letter.clinic.id))
    try:
        offers.decline(visit.session, actor, letter.offer, leave=leave, now=visit.now)
    except OfferOver as late:
        return _page(letter, token, "gone", said=_(late.sentence), status=409)
    return rendering.go(f"/offers/{token}")


def _page(
    letter: OfferPage, token: str, state: str, *, said: str = "", status: int = 200
) -> HTMLResponse:
    return rendering.show(
        "offer.html",
        status=status,
        clinic=letter.clinic,
        treatment=letter.treatment,
        state=state,
        said=said,
        leaving=letter.entry.state not in entries.OPEN_STATES,
        base=f"/offers/{token}",
        sessions=letter.sessions,
        instead_of=letter.instead_of,
        to_several=letter.offer.to_several,
        until=letter.until,
    )


def _open(visit: Visit, token: str) -> OfferPage:
    """The offer behind a link; the same NotFound for each link that leads nowhere any more."""
    link = links.follow(visit.session, token, purpose=PURPOSE, now=visit.now)
    offer = visit.session.get_one(Offer, link.subject_id)
    entry = visit.session.get_one(WaitlistEntry, offer.entry_id)
    clinic = visit.session.get_one(Clinic, offer.clinic_id)
    visit.speak(visit.session.get_one(Patient, entry.patient_id).language, clinic.language)
    return OfferPage(visit, offer, entry, clinic)


def _state(letter: OfferPage) -> str:
    """open, accepted, declined or gone."""
    state = OfferState(letter.offer.state)
    if state in {OfferState.OPEN, OfferState.ACCEPTED, OfferState.DECLINED}:
        return str(state)
    return "gone"
