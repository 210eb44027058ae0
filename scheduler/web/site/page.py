"""The base of all pages with a private address: language, locale, context and redirects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.pace.wishes import Opening
from scheduler.booking.planning import draft_plans
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.i18n import translation
from scheduler.storage.database import stored_id
from scheduler.web.site import rendering, view_models
from scheduler.web.site.view_models import DayView, Locale, SessionView
from scheduler.web.site.visit import Visit

PATIENT_WITHDREW = "The patient asked for it."
"""The reason that staff see for a waitlist entry that the patient ended."""

OPTIONS_A_DAY = 6
"""Free times of one day that a page offers."""


class SeeOther(Exception):
    """The page at this address cannot be shown now; the browser should go to `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(address)


@dataclass
class PrivatePage:
    """The pages at one private address during one request.

    Creating a page activates the patient's language and the clinic's way of writing dates.
    """

    PREFIX: ClassVar[str]
    """The part of the address before the token."""

    visit: Visit
    token: str
    clinic: Clinic
    treatment: Treatment

    def __post_init__(self) -> None:
        self.visit.speak(*self.languages)
        translation.set_country(self.clinic.country)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages to use, best first, if the address asks for none."""
        return (self.clinic.language,)

    @property
    def session(self) -> Session:
        """The database session of the request."""
        return self.visit.session

    @property
    def now(self) -> datetime:
        """The time of the request, aware."""
        return self.visit.now

    @property
    def address(self) -> str:
        """The address that all pages of this kind begin with."""
        return f"{self.PREFIX}/{self.token}"

    @property
    def actor(self) -> Actor:
        """The patient, who may act at this clinic only."""
        return self.visit.actor(stored_id(self.clinic.id))

    @cached_property
    def locale(self) -> Locale:
        """The clinic's time zone, its way of writing dates, and its current day."""
        return Locale.of(self.clinic, self.now)

    def name_of(self, practitioner_id: int) -> str:
        """The name of a practitioner."""
        return self.session.get_one(Practitioner, practitioner_id).name

    def session_view(
        self, number: int, starts_at: datetime, practitioner_id: int, **values: Any
    ) -> SessionView:
        """One session in words; `values` as in `view_models.session_view`."""
        return view_models.session_view(
            self.locale,
            number=number,
            starts_at=starts_at,
            practitioner=self.name_of(practitioner_id),
            **{"phase": 1, "minutes": self.treatment.minutes, **values},
        )

    def options(self, openings: Sequence[Opening], current: Opening, *, days: int) -> list[DayView]:
        """Free times for a session to choose from, on the days nearest to its current time."""
        return view_models.options(
            draft_plans.by_day(openings, current, days=days, a_day=OPTIONS_A_DAY),
            self.locale,
            minutes=self.treatment.minutes,
            name_of=self.name_of,
        )

    def context(self) -> dict[str, Any]:
        """The template variables that each of these pages has."""
        return {"clinic": self.clinic, "treatment": self.treatment, "base": self.address}

    def show(
        self,
        template: str,
        *,
        mistakes: dict[str, str] | None = None,
        status: int | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page from a template. Status 422 if there are mistakes, else 200, unless given."""
        return rendering.show(
            template,
            status=status or (422 if mistakes else 200),
            mistakes=mistakes or {},
            **{**self.context(), **values},
        )

    def go(self, path: str = "", *, notice: str = "") -> Response:
        """Redirect to a page at this address; `notice`: the key of a sentence to show there."""
        query = f"?said={notice}" if notice else ""
        return rendering.go(f"{self.address}{path}{query}")
