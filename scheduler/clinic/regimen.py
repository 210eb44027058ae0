"""Checks and normalizes the course of a treatment: phases, hands-on minutes, reviews."""

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.clinic import phases
from scheduler.clinic.models import HandsOn
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Invalid

MAX_PHASES = 12


def check_phases(given: Sequence[Mapping[str, Any]]) -> list[Phase]:
    """Phases from JSON. Raises Invalid for the first one that cannot work."""
    if not 1 <= len(given) <= MAX_PHASES:
        raise Invalid(f"A treatment has 1 to {MAX_PHASES} phases.", field="phases")
    checked = []
    for position, phase in enumerate(given):
        try:
            checked.append(phases.from_json(dict(phase)))
        except Invalid as problem:
            raise Invalid(problem.sentence, field=f"phases[{position}]") from None
    if all(phase.optional for phase in checked):
        raise Invalid("At least one phase must not be optional.", field="phases")
    if _sessions(checked) > phases.MAX_COURSE_SESSIONS:
        raise Invalid(
            f"A course has at most {phases.MAX_COURSE_SESSIONS} sessions.", field="phases"
        )
    return checked


def check_hands_on(given: Sequence[Mapping[str, int] | HandsOn], minutes: int) -> list[HandsOn]:
    """The hands-on stretches of a session of `minutes`; if none is given, the whole session.

    Raises Invalid if they are out of order, overlap, or leave the session.
    """
    stretches = [HandsOn.model_validate(stretch) for stretch in given] or [
        HandsOn(from_minute=0, to_minute=minutes)
    ]
    previous_end = 0
    for position, stretch in enumerate(stretches):
        field = f"hands_on[{position}]"
        if stretch.from_minute < previous_end:
            raise Invalid("Hands-on minutes must be in order and not overlap.", field=field)
        if stretch.to_minute <= stretch.from_minute:
            raise Invalid("Hands-on minutes must end after they begin.", field=field)
        if stretch.to_minute > minutes:
            raise Invalid(
                f"Hands-on minutes must be within the {minutes} minutes of a session.", field=field
            )
        previous_end = stretch.to_minute
    return stretches


def check_course(checked: list[Phase], review_after: Sequence[int], horizon_days: int) -> None:
    """Raise Invalid if the course is longer than the horizon, or a review is after its end."""
    days = phases.days(checked)
    if days > horizon_days:
        raise Invalid(
            f"A course takes {days} days at this pace; only {horizon_days} can be booked ahead.",
            field="phases",
        )
    sessions = _sessions(checked)
    if late := [number for number in review_after if number > sessions]:
        raise Invalid(
            f"A review cannot come after session {late[0]}: a course has {sessions}.",
            field="review_after",
        )


def _sessions(checked: Sequence[Phase]) -> int:
    return sum(phase.sessions * phase.repeat for phase in checked)
