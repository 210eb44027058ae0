"""Facts of the planner as JSON, for the rows that store them.

Rows outlive releases: a shape that this release does not know is read as no fact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from scheduler.booking.pace.alternatives import Advantage
from scheduler.booking.pace.compromises import Compromise
from scheduler.booking.pace.refusals import Remedy
from scheduler.booking.pace.violations import PaceViolation
from scheduler.booking.planning.no_plan import ExplainedNoPlan, Reason

StoredFact = TypeVar("StoredFact")


@dataclass(frozen=True)
class FactJson(Generic[StoredFact]):
    """Writes and reads one type of fact."""

    adapter: TypeAdapter[StoredFact]

    def dump(self, fact: StoredFact) -> Any:
        return self.adapter.dump_python(fact, mode="json")

    def load(self, value: object) -> StoredFact | None:
        try:
            return self.adapter.validate_python(value)
        except ValidationError:
            return None

    def load_all(self, values: Iterable[object]) -> list[StoredFact]:
        return [fact for value in values if (fact := self.load(value)) is not None]


@dataclass(frozen=True)
class Refusal:
    """The facts of an ExplainedNoPlan, for storage."""

    session_number: int
    reason: Reason
    remedies: tuple[Remedy, ...] = ()

    @classmethod
    def of(cls, refusal: ExplainedNoPlan) -> "Refusal":
        return cls(refusal.session_number, refusal.reason, refusal.remedies)


ADVANTAGE = FactJson[Advantage](TypeAdapter(Advantage))
COMPROMISE = FactJson[Compromise](TypeAdapter(Compromise))
REFUSAL = FactJson[Refusal](TypeAdapter(Refusal))
REMEDY = FactJson[Remedy](TypeAdapter(Remedy))
VIOLATION = FactJson[PaceViolation](TypeAdapter(PaceViolation))
