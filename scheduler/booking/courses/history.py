"""What has become of a course: who did what and why, in sentences, read from the audit trail."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session, and_, col, or_, select

from scheduler.audit.audit_trail import AuditEntry
from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Clinic, Practitioner
from scheduler.i18n import translation
from scheduler.staff.models import Member
from scheduler.storage.database import stored_id


class HistoryEntry(NamedTuple):
    """One deed. `who` is a name, or what somebody is: "the patient"."""

    id: int
    at: datetime
    who: str
    what: str
    why: str


class HistoryContext(NamedTuple):
    """What sentences need to know beside the entry itself."""

    zone: ZoneInfo
    numbers: Mapping[int, int]
    practitioners: Mapping[int, str]


OTHERS = {
    "patient": "the patient",
    "worker": "the scheduler",
    "operator": "an operator",
    "carrier": "the carrier",
}


def of(session: Session, course: Course, *, after: int = 0, limit: int) -> list[HistoryEntry]:
    """The deeds that changed a course, from the first on; `after` is the id of one seen before.

    One more than the limit, where there are more.
    """
    numbers = dict(
        session.exec(
            select(Appointment.id, Appointment.number).where(Appointment.course_id == course.id)
        ).all()
    )
    found = session.exec(
        select(AuditEntry)
        .where(
            AuditEntry.clinic_id == course.clinic_id,
            col(AuditEntry.deed).in_(DEEDS),
            col(AuditEntry.id) > after,
            or_(
                and_(AuditEntry.subject == "course", AuditEntry.subject_id == course.id),
                and_(
                    AuditEntry.subject == "appointment",
                    col(AuditEntry.subject_id).in_(numbers),
                ),
            ),
        )
        .order_by(col(AuditEntry.id))
        .limit(limit + 1)
    ).all()
    known_things = _known(session, course, {stored_id(key): n for key, n in numbers.items()})
    names = _names(session, [each.actor_id for each in found if each.actor_kind == "staff"])
    return [
        HistoryEntry(
            stored_id(each.id),
            each.at,
            names.get(each.actor_id or 0, "a member of staff")
            if each.actor_kind == "staff"
            else OTHERS.get(each.actor_kind, each.actor_kind),
            DEEDS[each.deed](each, known_things),
            str(each.details.get("reason") or each.details.get("note") or ""),
        )
        for each in found
    ]


def _known(session: Session, course: Course, numbers: Mapping[int, int]) -> HistoryContext:
    clinic = session.get_one(Clinic, course.clinic_id)
    those = session.exec(
        select(Practitioner.id, Practitioner.name).where(Practitioner.clinic_id == course.clinic_id)
    )
    names = {stored_id(key): name for key, name in those}
    return HistoryContext(ZoneInfo(clinic.timezone), numbers, names)


def _names(session: Session, ids: list[int | None]) -> dict[int, str]:
    rows = session.exec(select(Member.id, Member.name).where(col(Member.id).in_(set(ids))))
    return {stored_id(key): name for key, name in rows}


def _booked(entry: AuditEntry, known_things: HistoryContext) -> str:
    starts = [each[1] for each in entry.details.get("appointments", [])]
    when = f", the first on {_when(starts[0], known_things)}" if starts else ""
    return f"The course was booked: {_sessions(len(starts))}{when}."


def _moved(entry: AuditEntry, known_things: HistoryContext) -> str:
    details = entry.details
    number, becomes = _number(entry, known_things), details.get("number_after")
    before, after = (_when(details[each], known_things) for each in ("before", "after"))
    told = f"Session {number} was moved from {before} to {after}"
    if before == after:
        told = f"Session {number} on {before} stays where it is"
    told += _with_whom(details, known_things)
    if becomes not in {None, number}:
        told += f"; it is session {becomes} now"
    if details.get("insisted"):
        told += ", although it breaks the pace"
    return f"{told}."


def _with_whom(details: Mapping[str, Any], known_things: HistoryContext) -> str:
    before, after = (details.get(f"practitioner_{each}") for each in ("before", "after"))
    if before == after:
        return ""
    names = known_things.practitioners
    return (
        f", with {names.get(after or 0, 'another')} instead of {names.get(before or 0, 'another')}"
    )


def _shifted(entry: AuditEntry, _: HistoryContext) -> str:
    days = entry.details["by_days"]
    way = "later" if days > 0 else "earlier"
    amount = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return f"All sessions from number {entry.details['from_number']} on were put {amount} {way}."


def _skipped(entry: AuditEntry, _: HistoryContext) -> str:
    first = datetime.fromisoformat(entry.details["start_on"])
    behind = entry.details.get("behind")
    what = "what was in it goes behind the rest" if behind else "what followed is a week later"
    return f"The week from {_day(first)} was skipped: {what}."


def _given(entry: AuditEntry, known_things: HistoryContext) -> str:
    name = known_things.practitioners.get(entry.details["practitioner_id"], "somebody else")
    return f"From session {entry.details['from_number']} on {name} gives the course."


def _replanned(entry: AuditEntry, _: HistoryContext) -> str:
    return f"All sessions from number {entry.details['from_number']} on were planned anew."


def _extended(entry: AuditEntry, known_things: HistoryContext) -> str:
    return f"The course was extended by {_added(entry, known_things)}."


def _made_up(entry: AuditEntry, known_things: HistoryContext) -> str:
    return f"For a session that was missed the course got {_added(entry, known_things)}."


def _added(entry: AuditEntry, known_things: HistoryContext) -> str:
    starts = [detail[1] for detail in entry.details["appointments"]]
    first = "on" if len(starts) == 1 else "the first on"
    return f"{_sessions(len(starts))}, {first} {_when(starts[0], known_things)}"


def _cancelled(entry: AuditEntry, _: HistoryContext) -> str:
    return f"The course was cancelled: {_sessions(len(entry.details.get('sessions', [])))} to come."


def _taken_back(entry: AuditEntry, _: HistoryContext) -> str:
    numbers = [str(detail) for detail in entry.details["sessions"]]
    those = f"session{'' if len(numbers) == 1 else 's'} {', '.join(numbers)}"
    if entry.details["was"] == "moved":
        return f"That was taken back: {those} went back to the old time."
    return f"That was taken back: {those} will take place."


def _cleared(_entry: AuditEntry, _: HistoryContext) -> str:
    return "The answers about health were looked at, and the course may begin."


def _became(words: str) -> "Sentence":
    def tell(entry: AuditEntry, known_things: HistoryContext) -> str:
        late = ", later than the notice asked for" if entry.details.get("late") else ""
        return f"Session {_number(entry, known_things)} {words}{late}."

    return tell


Sentence = Callable[[AuditEntry, HistoryContext], str]

DEEDS: Mapping[str, Sentence] = {
    "booked": _booked,
    "moved": _moved,
    "shifted": _shifted,
    "skipped a week": _skipped,
    "changed practitioner": _given,
    "planned anew": _replanned,
    "extended": _extended,
    "made up": _made_up,
    "cancelled": _cancelled,
    "took back": _taken_back,
    "cleared": _cleared,
    "is confirmed": _became("was confirmed"),
    "is arrived": _became("has begun: the patient is here"),
    "is completed": _became("is over"),
    "is cancelled": _became("was cancelled"),
    "is no_show": _became("was missed: the patient did not come"),
}
"""The deeds that belong to a history; a look at a course does not."""


def _number(entry: AuditEntry, known_things: HistoryContext) -> int:
    number = entry.details.get("number") or known_things.numbers.get(entry.subject_id or 0, 0)
    return int(number)


def _when(instant: str, known_things: HistoryContext) -> str:
    local = datetime.fromisoformat(instant).astimezone(known_things.zone)
    return f"{_day(local)} {local.hour}:{local:%M}"


def _day(local: datetime) -> str:
    year = f" {local.year}" if translation.is_far(local.date()) else ""
    return f"{local:%a} {local.day} {local:%b}{year}"


def _sessions(number: int) -> str:
    return "1 session" if number == 1 else f"{number} sessions"
