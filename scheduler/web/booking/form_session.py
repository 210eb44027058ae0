"""A booking form in progress: its answers, and the step that the patient has reached."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Self

from scheduler.booking.models import Enquiry, Hold
from scheduler.booking.pace.planner import PlannedSession, Wishes
from scheduler.booking.pace.refusals import Remedy
from scheduler.booking.planning import draft_bookings, draft_plans
from scheduler.booking.planning.fact_json import Refusal
from scheduler.booking.stored_values import (
    DraftAnswers,
    DraftDetails,
    DraftWishes,
    HealthAnswers,
    PreviousProposal,
)
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.clinic.phases import Phase
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import NotFound
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import PhoneCode
from scheduler.storage.database import stored_id
from scheduler.web.booking import notices
from scheduler.web.booking.complete import Application
from scheduler.web.site import forms, treatments
from scheduler.web.site.forms import Details, Form, Health, WishAnswers
from scheduler.web.site.page import PrivatePage, SeeOther
from scheduler.web.site.view_models import SessionView
from scheduler.web.site.visit import Visit

STEPS = ("screening", "wishes", "plan", "details", "code")
DONE = "done"
PROOF_LIFETIME = timedelta(minutes=30)
"""How long a proved phone stays proved, in case the patient has to choose other times."""


@dataclass
class BookingForm(PrivatePage):
    """The pages of a form in progress."""

    PREFIX = "/book"

    enquiry: Enquiry

    @classmethod
    def open(cls, visit: Visit, token: str, step: str = "", *, lock: bool = False) -> Self:
        """The form at an address; EnquiryGone. `lock`: it will be changed.

        SeeOther if the patient cannot be at `step` now.
        """
        enquiry = draft_bookings.find(visit.session, token, now=visit.now, lock=lock)
        page = cls(
            visit,
            token,
            visit.session.get_one(Clinic, enquiry.clinic_id),
            visit.session.get_one(Treatment, enquiry.treatment_id),
            enquiry,
        )
        if step:
            page.require(step)
        return page

    @property
    def languages(self) -> tuple[str, ...]:
        """The language of the form."""
        return (self.language,)

    @property
    def language(self) -> str:
        """The language in which the patient fills in the form."""
        return self.answers.language or self.clinic.language

    @property
    def language_query(self) -> str:
        """The end of an address that keeps the language asked for; empty if none was."""
        return f"?lang={self.visit.asked_language}" if self.visit.asked_language else ""

    @property
    def answers(self) -> DraftAnswers:
        """The answers given so far."""
        return self.enquiry.answers

    @property
    def health(self) -> HealthAnswers:
        """The answers about health. Every step after the first has them."""
        return self.answers.health or HealthAnswers()

    @property
    def wished(self) -> DraftWishes:
        """The wishes as answered; before that, any day from tomorrow on."""
        tomorrow = self.locale.today + timedelta(days=1)
        return self.answers.wishes or DraftWishes(start_on=tomorrow)

    @property
    def number(self) -> str:
        """The phone of the details in E.164; empty before they are answered."""
        return self.answers.details.number if self.answers.details else ""

    def proposal_as_kept(self) -> PreviousProposal:
        """The current proposal and its wishes, so that the patient can go back to it."""
        return PreviousProposal(
            sessions=self.enquiry.sessions,
            compromises=self.enquiry.compromises,
            wishes=self.wished,
        )

    @property
    def refusal(self) -> Refusal | None:
        """The reason why no plan fits the wishes; None if one does."""
        return notices.refusal_in(self.answers.refused)

    @property
    def remedies(self) -> list[Remedy]:
        """Changes to the wishes that make a plan possible. The form has no strict wishes."""
        found = self.refusal.remedies if self.refusal else ()
        return [remedy for remedy in found if remedy.strict is None]

    def remedy(self, kind: str) -> Remedy | None:
        """The remedy of this kind; None if it is not offered, or no longer."""
        return next((remedy for remedy in self.remedies if remedy.kind == kind), None)

    def with_remedy(self, remedy: Remedy) -> tuple[DraftWishes, list[Phase]]:
        """The wishes as a remedy changes them, and its phases, if it changes those."""
        wishes = self.wished
        if remedy.start_on:
            wishes = wishes.model_copy(update={"start_on": remedy.start_on})
        return wishes, list(remedy.phases or ())

    def keep(self, **answers: Any) -> None:
        """Keep answers, and drop the notices, because the patient has read them."""
        if self.visit.asked_language:
            answers["language"] = self.visit.asked_language
        draft_bookings.keep(self.session, self.enquiry, **{"notices": None, **answers})

    def require(self, step: str) -> None:
        """Raise SeeOther if the form has not reached a step, or has been booked.

        SeeOther leads to the first step without an answer, or to the last page.
        """
        reached = self._reached()
        allowed = STEPS[: STEPS.index(reached) + 1] if reached in STEPS else (reached,)
        if step not in allowed:
            raise SeeOther(f"{self.address}/{reached}")

    def _reached(self) -> str:
        if self.enquiry.course_id is not None:
            return DONE
        if self.answers.waiting:
            return "waitlist"
        if not self.answers.health:
            return "screening"
        if not self.enquiry.sessions:
            return "wishes"
        if not self.answers.accepted:
            return "plan"
        code = self.code
        # A code proves the phone that it was texted to, not one that was entered later.
        texted = code is not None and code.phone == self.number
        return "code" if texted else "details"

    @cached_property
    def practitioners(self) -> list[Practitioner]:
        """The practitioners who give the treatment."""
        return treatments.practitioners_of(self.session, self.treatment)

    @property
    def planned(self) -> list[PlannedSession]:
        """The proposed sessions."""
        return draft_plans.planned(self.session, self.enquiry, self.treatment)

    def shown(self, session: PlannedSession) -> SessionView:
        """A proposed session in words."""
        return self.session_view(
            session.number,
            instant_of(session.opening.starts_at),
            session.opening.practitioner_id,
            phase=session.phase,
        )

    def name_of(self, practitioner_id: int) -> str:
        """The name of a practitioner, who may have left since the plan was proposed."""
        names = {practitioner.id: practitioner.name for practitioner in self.practitioners}
        return names.get(practitioner_id) or _("another practitioner")

    def hold_notice(self) -> str:
        """A sentence about how long the proposed times are kept."""
        hold_id = self.enquiry.hold_id
        hold = self.session.get(Hold, hold_id) if hold_id else None
        if hold is None or hold.expires_at <= self.now:
            return _(
                "We kept these times for ten minutes, which are over. When you go on, we look"
                " whether they are still free."
            )
        until = hold.expires_at.astimezone(self.locale.zone).time()
        return _("We keep these times for you until %(time)s.") % {
            "time": self.locale.dates.clock(until)
        }

    @property
    def wishes(self) -> Wishes:
        """The wishes, for the planner."""
        return for_planner(self.wished)

    @property
    def application(self) -> Application:
        """The answers about the patient."""
        details, health = self.answers.details, self.health
        if details is None:
            raise SeeOther(f"{self.address}/details")
        return Application(
            name=details.name,
            phone=details.number,
            language=self.language,
            consent=details.consent,
            health=health.answers,
            pain_since=health.pain_since,
        )

    @property
    def code(self) -> PhoneCode | None:
        """The code in the latest text."""
        code_id = self.enquiry.phone_code_id
        return self.session.get(PhoneCode, code_id) if code_id else None

    def proved(self, number: str) -> bool:
        """Whether the patient has proved this phone in this form recently."""
        code = self.code
        return (
            code is not None
            and code.phone == number
            and code.proved_at is not None
            and self.now - code.proved_at < PROOF_LIFETIME
        )

    def context(self) -> dict[str, Any]:
        """The template variables of every page of the form."""
        return super().context() | {
            "framed": True,
            "notices": notices.texts(self, self.answers.notices or []),
            "asked": self.language_query,
            "steps": len(STEPS),
        }


def health_as_kept(health: Health) -> HealthAnswers:
    """Answers about health as the form keeps them."""
    return HealthAnswers(answers=health.answers, pain_since=health.pain_since)


def read_wishes(page: BookingForm, form: Form) -> WishAnswers:
    """The wishes of a form that is being sent. Raises Mistakes."""
    return forms.read_wishes(
        form,
        today=page.locale.today,
        horizon_days=page.treatment.horizon_days,
        practitioner_ids=[stored_id(practitioner.id) for practitioner in page.practitioners],
    )


def for_planner(wished: DraftWishes) -> Wishes:
    """The wishes, for the planner."""
    return Wishes(
        start_on=wished.start_on,
        weekdays=frozenset(wished.weekdays),
        between=wished.between or forms.TIMES_OF_DAY[wished.hours],
        practitioner_id=wished.practitioner_id,
    )


def wishes_as_kept(wishes: WishAnswers) -> DraftWishes:
    """Wishes as the form keeps them and shows them again."""
    return DraftWishes(
        start_on=wishes.start_on,
        weekdays=list(wishes.weekdays),
        hours=wishes.hours,
        practitioner_id=wishes.practitioner_id,
    )


def details_as_kept(details: Details, typed_phone: str) -> DraftDetails:
    """Details as the form keeps them; the phone also as typed."""
    return DraftDetails(
        name=details.name, phone=typed_phone, number=details.phone, consent=details.consent
    )


def session_number(page: BookingForm, typed: str) -> int:
    """The number of a proposed session from an address; NotFound."""
    numbers = {str(session.number): session.number for session in page.enquiry.sessions}
    if typed not in numbers:
        raise NotFound
    return numbers[typed]
