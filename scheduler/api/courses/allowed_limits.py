"""The fields with which staff pass a limit: which ones, and why."""

from typing import Any

from pydantic import Field

from scheduler.api.http.fields import Shape, Text
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import limits
from scheduler.booking.availability.limits import Limit, Permit
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.staff.roles import Role


class WithReason(Shape):
    """The reason of a change, for the history."""

    reason: Text = Field("", max_length=200)


class AllowedLimits(WithReason):
    """The limits that a booking or a change may pass, and the reason."""

    allow: list[Limit] = Field(
        default_factory=list,
        max_length=len(limits.SOFT),
        description="Codes of soft limits, as in `conflicts`, that may be passed. Requires a"
        " `reason`; both are stored. Only admins may pass `closed`.",
        examples=[["short_notice"]],
    )

    def permit(self, actor: Actor) -> Permit:
        """The limits that the actor may pass. Raises Invalid for a hard one, else NotAllowed."""
        return limits.permit(self.allow, admin=actor.role == Role.ADMIN, reason=self.why)

    @property
    def why(self) -> str:
        """The reason that was given."""
        return self.reason


class PaceOverride(AllowedLimits):
    """The reason of a change, and what it may break for it."""

    insist: Text | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="The same as `allow` with `off_pace`, and this text as the reason.",
        examples=["The patient travels that week."],
    )

    def policy(self, actor: Actor, **more: Any) -> ChangePolicy:
        """The policy that this request sets for the change."""
        off_pace = self.reason if Limit.OFF_PACE in self.allow else ""
        return ChangePolicy(
            reason=self.reason,
            override_reason=self.insist or off_pace,
            permit=self.permit(actor),
            **more,
        )

    @property
    def why(self) -> str:
        """The reason that was given."""
        return self.insist or self.reason
