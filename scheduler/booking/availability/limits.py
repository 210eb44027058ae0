"""The limits that a time of a session can break, and who may pass which. Pure.

Hard limits stop everybody: the practitioner, the room or the patient cannot be in two places, and a
practitioner without a license may not treat. Soft limits are made for patients on the web. Staff
see them and can go on with a reason, which is kept.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from scheduler.infra.errors import Invalid, NotAllowed


class Limit(StrEnum):
    """Why a time is not available. Of two limits, the later one was nearer to a free time."""

    PAST = "past"
    ALREADY_STARTED = "already_started"
    SHORT_NOTICE = "short_notice"
    BEYOND_HORIZON = "beyond_horizon"
    SAME_DAY = "same_day"
    OUTSIDE_HOURS = "outside_hours"
    LICENSE_EXPIRED = "license_expired"
    CLOSED = "closed"
    OFF_GRID = "off_grid"
    OFF_PACE = "off_pace"
    DAILY_LIMIT = "daily_limit"
    IN_BREAK = "in_break"
    PRACTITIONER_TAKEN = "practitioner_taken"
    ROOM_TAKEN = "room_taken"
    PATIENT_TAKEN = "patient_taken"


HARD = frozenset(
    {Limit.LICENSE_EXPIRED, Limit.PRACTITIONER_TAKEN, Limit.ROOM_TAKEN, Limit.PATIENT_TAKEN}
)
SOFT = frozenset(Limit) - HARD
ADMINS_ONLY = frozenset({Limit.CLOSED})
"""Soft limits that only an admin may pass."""


@dataclass(frozen=True)
class Permit:
    """The soft limits that a change may pass, and those that its actor could ask to pass."""

    passed: frozenset[Limit] = frozenset()
    could_pass: frozenset[Limit] = frozenset()

    def stopping(self, found: Collection[Limit]) -> list[Limit]:
        """The limits among those found that stop the change, nearest last."""
        return [limit for limit in Limit if limit in found and limit not in self.passed]

    def details(self, reason: str) -> dict[str, Any]:
        """The details for the audit trail; none if no limit was passed."""
        return {"allowed": sorted(self.passed), "reason": reason} if self.passed else {}

    def also(self, limit: Limit) -> "Permit":
        """The same permit, which passes one more limit."""
        return replace(self, passed=self.passed | {limit})


NO_PERMIT = Permit()
"""Patients pass no limit."""


def passable(*, admin: bool) -> frozenset[Limit]:
    """The limits that a member of staff who may book may pass."""
    return SOFT if admin else SOFT - ADMINS_ONLY


def permit(wanted: Collection[Limit], *, admin: bool, reason: str) -> Permit:
    """A member's permit for the limits of a request. Raises Invalid, NotAllowed."""
    could_pass = passable(admin=admin)
    if hard := sorted(HARD.intersection(wanted)):
        raise Invalid(f"{hard[0]} is a hard limit and cannot be passed. Remove it.", field="allow")
    if denied := sorted(set(wanted) - could_pass):
        raise NotAllowed(f"Only an admin may pass the limit {denied[0]}. Ask an admin to book it.")
    if wanted and not reason.strip():
        raise Invalid("Send a reason for passing the limits in `allow`.", field="reason")
    return Permit(frozenset(wanted), could_pass)
