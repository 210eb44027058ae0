"""The states of an appointment, and which may follow which."""

from collections.abc import Mapping

from scheduler.booking.models import AppointmentState as State
from scheduler.infra.errors import Conflict

LIVE = frozenset({State.BOOKED, State.CONFIRMED, State.ARRIVED})
"""The patient is expected or has arrived."""

EXPECTED = frozenset({State.BOOKED, State.CONFIRMED})
"""The patient is expected: only such an appointment can be moved."""

KEEPS_ITS_TIME = LIVE | {State.COMPLETED, State.NO_SHOW}
"""The practitioner and the room are or were occupied. Only a cancellation frees them."""

NEXT_STATES: Mapping[str, frozenset[str]] = {
    State.BOOKED: frozenset(
        {State.CONFIRMED, State.ARRIVED, State.COMPLETED, State.CANCELLED, State.NO_SHOW}
    ),
    State.CONFIRMED: frozenset({State.ARRIVED, State.COMPLETED, State.CANCELLED, State.NO_SHOW}),
    State.ARRIVED: frozenset({State.COMPLETED, State.CANCELLED}),
    State.COMPLETED: frozenset(),
    State.CANCELLED: frozenset(),
    State.NO_SHOW: frozenset(),
}

STATE_WORDS = {
    State.BOOKED: "booked",
    State.CONFIRMED: "confirmed",
    State.ARRIVED: "under way",
    State.COMPLETED: "over",
    State.CANCELLED: "cancelled",
    State.NO_SHOW: "recorded as missed",
}


class NotPossible(Conflict):
    sentence = (
        "This session is in a state that does not allow this. Load it again to see its state."
    )

    slug = "not-possible"


def follow(state: str, wanted: str) -> bool:
    """Whether the state changes. Raises NotPossible if `wanted` cannot follow `state`."""
    if state == wanted:
        return False
    if wanted not in NEXT_STATES[state]:
        raise NotPossible(
            f"This appointment is {STATE_WORDS[State(state)]};"
            f" it cannot be {STATE_WORDS[State(wanted)]} now."
        )
    return True
