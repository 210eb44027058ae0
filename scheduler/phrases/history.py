"""The history of a course in sentences, for staff, in English."""

from datetime import date, datetime

from scheduler.booking.courses.history import (
    Booked,
    Cleared,
    CourseCancelled,
    Extended,
    HistoryFact,
    Moved,
    PastEvent,
    PractitionerChanged,
    Replanned,
    Shifted,
    StateChanged,
    TakenBack,
    WeekSkipped,
)
from scheduler.booking.models import AppointmentState
from scheduler.i18n import translation

ACTORS = {
    "staff": "a member of staff",
    "patient": "the patient",
    "worker": "the scheduler",
    "operator": "an operator",
    "carrier": "the carrier",
}

STATE_PHRASES = {
    AppointmentState.CONFIRMED: "was confirmed",
    AppointmentState.ARRIVED: "has begun: the patient is here",
    AppointmentState.COMPLETED: "is over",
    AppointmentState.CANCELLED: "was cancelled",
    AppointmentState.NO_SHOW: "was missed: the patient did not come",
}


def actor(entry: PastEvent) -> str:
    """The name of a staff member, or what else the actor is: "the patient"."""
    return entry.actor_name or ACTORS.get(entry.actor_kind, entry.actor_kind)


def sentence(fact: HistoryFact) -> str:  # noqa: PLR0911 - one sentence for each kind
    """The sentence for one entry of a course's history."""
    match fact:
        case Booked():
            first = f", the first on {_when(fact.first)}" if fact.first else ""
            return f"The course was booked: {_sessions(fact.appointments)}{first}."
        case Moved():
            return _moved(fact)
        case StateChanged():
            late = ", later than the notice asked for" if fact.late else ""
            return f"Session {fact.number} {STATE_PHRASES[fact.state]}{late}."
        case Shifted():
            return f"{_rest(fact.from_number)} were put {_days(fact.by_days)}."
        case WeekSkipped():
            rest = (
                "what was in it goes behind the rest"
                if fact.behind
                else "what followed is a week later"
            )
            return f"The week from {_day(fact.start_on)} was skipped: {rest}."
        case PractitionerChanged():
            name = fact.practitioner or "somebody else"
            return f"From session {fact.from_number} on {name} gives the course."
        case Replanned():
            return f"{_rest(fact.from_number)} were replanned."
        case Extended():
            return _extended(fact)
        case CourseCancelled():
            return f"The course was cancelled: {_sessions(fact.appointments)} to come."
        case TakenBack():
            return _taken_back(fact)
        case Cleared():
            return "The answers about health were looked at, and the course may begin."


def _moved(fact: Moved) -> str:
    before, after = _when(fact.before), _when(fact.after)
    words = f"Session {fact.number} was moved from {before} to {after}"
    if before == after:
        room = "has another room" if fact.room_changed else "stays where it is"
        words = f"Session {fact.number} on {before} {room}"
    if fact.practitioner_changed:
        new, old = fact.practitioner_after or "another", fact.practitioner_before or "another"
        words += f", with {new} instead of {old}"
    if fact.number_after != fact.number:
        words += f"; it is session {fact.number_after} now"
    if fact.overrides_pace:
        words += ", although it breaks the pace"
    return f"{words}."


def _extended(fact: Extended) -> str:
    first = "on" if fact.appointments == 1 else "the first on"
    added = f"{_sessions(fact.appointments)}, {first} {_when(fact.first)}"
    if fact.make_up:
        return f"For a session that was missed the course got {added}."
    return f"The course was extended by {added}."


def _taken_back(fact: TakenBack) -> str:
    numbers = ", ".join(str(number) for number in fact.numbers)
    sessions = f"session{'' if len(fact.numbers) == 1 else 's'} {numbers}"
    if fact.state:
        return f"It was a mistake that {sessions} {STATE_PHRASES[fact.state]}."
    if fact.moved:
        return f"That was taken back: {sessions} went back to the old time."
    return f"That was taken back: {sessions} will take place."


def _rest(from_number: int) -> str:
    return f"All sessions from number {from_number} on"


def _days(by_days: int) -> str:
    amount = "1 day" if abs(by_days) == 1 else f"{abs(by_days)} days"
    return f"{amount} {'later' if by_days > 0 else 'earlier'}"


def _sessions(number: int) -> str:
    return "1 session" if number == 1 else f"{number} sessions"


def _when(local: datetime) -> str:
    return f"{_day(local)} {local.hour}:{local:%M}"


def _day(day: date) -> str:
    year = f" {day.year}" if translation.is_far(_date(day)) else ""
    return f"{day:%a} {day.day} {day:%b}{year}"


def _date(day: date) -> date:
    return day.date() if isinstance(day, datetime) else day
