"""The course that a treatment offers, in its one form: phases, hands-on minutes, reviews."""

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.clinic import phases
from scheduler.infra.errors import Invalid

MOST_PHASES = 12


def check_phases(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Phases in their stored form; Unfit names the first that nobody could keep."""
    if not 1 <= len(given) <= MOST_PHASES:
        raise Invalid(f"A treatment has 1 to {MOST_PHASES} phases.", field="phases")
    checked = []
    for place, each in enumerate(given):
        try:
            checked.append(phases.to_json(phases.from_json(dict(each))))
        except Invalid as problem:
            raise Invalid(problem.sentence, field=f"phases[{place}]") from None
    if all(each.get("optional") for each in checked):
        raise Invalid("At least one phase must not be optional.", field="phases")
    if _sessions(checked) > phases.MOST_SESSIONS:
        raise Invalid(f"A course has at most {phases.MOST_SESSIONS} sessions.", field="phases")
    return checked


def check_hands_on(given: Sequence[Mapping[str, int]], minutes: int) -> list[dict[str, int]]:
    """Stretches of a session of so many minutes, in order; none given: all of it. Raises Unfit."""
    stretches = [
        {"from_minute": each["from_minute"], "to_minute": each["to_minute"]} for each in given
    ] or [{"from_minute": 0, "to_minute": minutes}]
    before = 0
    for place, each in enumerate(stretches):
        field = f"hands_on[{place}]"
        if each["from_minute"] < before:
            raise Invalid("Hands-on minutes come in order and do not overlap.", field=field)
        if each["to_minute"] <= each["from_minute"]:
            raise Invalid("Hands-on minutes end after they begin.", field=field)
        if each["to_minute"] > minutes:
            raise Invalid(f"Hands-on minutes lie within the {minutes} of a session.", field=field)
        before = each["to_minute"]
    return stretches


def check_course(
    checked: Sequence[Mapping[str, Any]], review_after: Sequence[int], horizon_days: int
) -> None:
    """Raises Unfit for a course that ends beyond what may be booked, or a review after its end."""
    days = phases.days([phases.from_json(each) for each in checked])
    if days > horizon_days:
        raise Invalid(
            f"A course takes {days} days at this pace; only {horizon_days} can be booked ahead.",
            field="phases",
        )
    sessions = _sessions(checked)
    if late := [each for each in review_after if each > sessions]:
        raise Invalid(
            f"A review cannot come after session {late[0]}: a course has {sessions}.",
            field="review_after",
        )


def _sessions(checked: Sequence[Mapping[str, Any]]) -> int:
    return sum(each["sessions"] * each.get("repeat", 1) for each in checked)
