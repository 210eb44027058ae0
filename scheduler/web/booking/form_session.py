"""A booking form on the desk: who fills it, how far it has got, and where that leaves them."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from scheduler.audit.audit_trail import Actor
from scheduler.booking.models import Enquiry, Hold
from scheduler.booking.pace.planner import PlannedSession, Wishes
from scheduler.booking.pace.refusals import Remedy
from scheduler.booking.planning import draft_bookings, draft_plans, fact_json
from scheduler.booking.planning.fact_json import Refusal
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import NotFound
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import PhoneCode
from scheduler.storage.database import stored_id
from scheduler.web.booking.complete import Application
from scheduler.web.site import forms, treatments, view_models
from scheduler.web.site.forms import Details, Health, Wished
from scheduler.web.site.view_models import Locale, SessionView
from scheduler.web.site.visit import Visit

STEPS = ("screening", "wishes", "plan", "details", "code")
DONE = "done"
PROOF_HOLDS = timedelta(minutes=30)
"""How long a proved phone need not be proved again, if the times have to be chosen anew."""


@dataclass
class BookingForm:
    """A form in progress, within one visit."""

    visit: Visit
    token: str
    enquiry: Enquiry
    clinic: Clinic
    treatment: Treatment

    @property
    def base(self) -> str:
        """Where the form's pages are."""
        return f"/book/{self.token}"

    @property
    def asked(self) -> str:
        """The language that this page was asked for, to go on in: the end of an address."""
        return f"?lang={self.visit.asked_language}" if self.visit.asked_language else ""

    @cached_property
    def place(self) -> Locale:
        """Where and when the form is read."""
        return Locale.of(self.clinic, self.visit.now)

    @property
    def actor(self) -> Actor:
        """The one who fills it."""
        return self.visit.actor(stored_id(self.clinic.id))

    @property
    def language(self) -> str:
        """The language in which the form is filled."""
        return str(self.answer("language") or self.clinic.language)

    def answer(self, name: str) -> Any:
        """What was said at a step, if it was."""
        return self.enquiry.answers.get(name)

    def proposal_as_kept(self) -> dict[str, Any]:
        """What is proposed now and for which wishes, to be had back later."""
        return {
            "sessions": self.enquiry.sessions,
            "compromises": self.enquiry.compromises,
            "wishes": self.answer("wishes"),
        }

    @property
    def refusal(self) -> Refusal | None:
        """Why no course could be planned for the wishes, if that is so."""
        return fact_json.REFUSAL.load((self.answer("refused") or {}).get("no_plan"))

    @property
    def remedies(self) -> list[Remedy]:
        """What would help where no course could be planned; the form asks for nothing strictly."""
        found = self.refusal.remedies if self.refusal else ()
        return [remedy for remedy in found if remedy.strict is None]

    def keep(self, **answers: Any) -> None:
        """Remember what was said. What was told before has been read."""
        if self.visit.asked_language:
            answers["language"] = self.visit.asked_language
        draft_bookings.keep(self.visit.session, self.enquiry, **{"notices": None, **answers})

    def elsewhere(self, step: str) -> str | None:
        """Where to go instead of a step: the first that is missing, or the end if it is booked."""
        if self.enquiry.course_id is not None:
            return None if step == DONE else f"{self.base}/{DONE}"
        if self.answer("waiting"):
            return f"{self.base}/waitlist"
        reached = self._reached()
        if step == DONE or STEPS.index(step) > STEPS.index(reached):
            return f"{self.base}/{reached}"
        return None

    def _reached(self) -> str:
        if not self.answer("health"):
            return "screening"
        if not self.enquiry.sessions:
            return "wishes"
        if not self.answer("accepted"):
            return "plan"
        details, code = self.answer("details"), self.code
        # A code proves the phone that it was texted to, and none that was given later.
        texted = details and code is not None and code.phone == details["number"]
        return "code" if texted else "details"

    @cached_property
    def practitioners(self) -> list[Practitioner]:
        """Those who give the treatment."""
        return treatments.practitioners_of(self.visit.session, self.treatment)

    @property
    def planned(self) -> list[PlannedSession]:
        """The proposed sessions."""
        return draft_plans.planned(self.visit.session, self.enquiry, self.treatment)

    def shown(self, session: PlannedSession) -> SessionView:
        """A proposed session in words."""
        return view_models.session_view(
            self.place,
            number=session.number,
            phase=session.phase,
            starts_at=instant_of(session.opening.starts_at),
            minutes=self.treatment.minutes,
            who=self.name_of(session.opening.practitioner_id),
        )

    def name_of(self, practitioner_id: int) -> str:
        """What a practitioner is called; a proposal may outlive somebody's leaving."""
        names = {practitioner.id: practitioner.name for practitioner in self.practitioners}
        return names.get(practitioner_id) or _("another practitioner")

    def kept(self) -> str:
        """Until when the proposed times are kept."""
        hold_id = self.enquiry.hold_id
        hold = self.visit.session.get(Hold, hold_id) if hold_id else None
        if hold is None or hold.expires_at <= self.visit.now:
            return _(
                "We kept these times for ten minutes, which are over. When you go on, we look"
                " whether they are still free."
            )
        until = hold.expires_at.astimezone(self.place.zone).time()
        return _("We keep these times for you until %(time)s.") % {
            "time": self.place.manner.clock(until)
        }

    @property
    def wishes(self) -> Wishes:
        """What was wished, for the planner."""
        said = self.answer("wishes")
        between = said.get("between")
        return Wishes(
            start_on=date.fromisoformat(said["start_on"]),
            weekdays=frozenset(map(int, said["weekdays"])),
            between=(between[0], between[1]) if between else forms.HOURS[said["hours"]],
            practitioner_id=int(said["practitioner_id"]) if said["practitioner_id"] else None,
        )

    @property
    def application(self) -> Application:
        """All that was said about the person."""
        health, details = self.answer("health"), self.answer("details")
        return Application(
            name=details["name"],
            phone=details["number"],
            language=self.language,
            consent=details["consent"] == "yes",
            health=health["answers"],
            pain_since=health["pain_since"],
        )

    @property
    def code(self) -> PhoneCode | None:
        """The code that was texted last."""
        code_id = self.enquiry.phone_code_id
        return self.visit.session.get(PhoneCode, code_id) if code_id else None

    def proved(self, number: str) -> bool:
        """Whether this form has proved this phone a short while ago."""
        code = self.code
        return (
            code is not None
            and code.phone == number
            and code.proved_at is not None
            and self.visit.now - code.proved_at < PROOF_HOLDS
        )


def open_form(visit: Visit, token: str, *, lock: bool = False) -> BookingForm:
    """The form at an address. `lock`: it is about to be changed."""
    enquiry = draft_bookings.find(visit.session, token, now=visit.now, lock=lock)
    here = BookingForm(
        visit,
        token,
        enquiry,
        visit.session.get_one(Clinic, enquiry.clinic_id),
        visit.session.get_one(Treatment, enquiry.treatment_id),
    )
    visit.speak(here.language)
    translation.set_country(here.clinic.country)
    return here


def health_as_kept(health: Health) -> dict[str, Any]:
    """Answers about health as they are kept in the form."""
    return {"answers": health.answers, "pain_since": health.pain_since}


def wishes_as_kept(wished: Wished) -> dict[str, Any]:
    """Wishes as they are kept in the form, and shown in it again."""
    return {
        "start_on": wished.start_on.isoformat(),
        "weekdays": [str(day) for day in wished.weekdays],
        "hours": wished.hours,
        "practitioner_id": str(wished.practitioner_id or ""),
    }


def details_as_kept(details: Details, typed_phone: str) -> dict[str, str]:
    """Details as they are kept in the form, the phone also as it was typed."""
    return {
        "name": details.name,
        "phone": typed_phone,
        "number": details.phone,
        "consent": "yes" if details.consent else "",
    }


def session_number(desk: BookingForm, typed: str) -> int:
    """The number of a proposed session, out of an address; NotFound for another."""
    numbers = {
        str(appointment["number"]): int(appointment["number"])
        for appointment in desk.enquiry.sessions
    }
    if typed not in numbers:
        raise NotFound
    return numbers[typed]
