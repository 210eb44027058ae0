"""The history of a course as typed facts. `phrases` writes the sentences."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.courses import undo
from scheduler.booking.courses.undo import ChangeKind
from scheduler.booking.events.event_models import AppointmentChange, CourseEvent, EventKind
from scheduler.booking.models import AppointmentState, Course
from scheduler.clinic.models import Clinic, Practitioner
from scheduler.staff.models import Member
from scheduler.storage.database import stored_id


@dataclass(frozen=True)
class Booked:
    """`first`: when the first appointment begins, in the clinic's zone; None without any."""

    appointments: int
    first: datetime | None


@dataclass(frozen=True)
class Moved:
    """Times are in the clinic's zone; a practitioner who is not known has no name."""

    number: int
    number_after: int
    before: datetime
    after: datetime
    practitioner_changed: bool
    practitioner_before: str | None
    practitioner_after: str | None
    overrides_pace: bool
    room_changed: bool = False


@dataclass(frozen=True)
class StateChanged:
    """An appointment was confirmed, begun, completed, cancelled or missed."""

    number: int
    state: AppointmentState
    late: bool


@dataclass(frozen=True)
class Shifted:
    from_number: int
    by_days: int


@dataclass(frozen=True)
class WeekSkipped:
    """`behind`: its appointments follow all others, which stay where they are."""

    start_on: date
    behind: bool


@dataclass(frozen=True)
class PractitionerChanged:
    from_number: int
    practitioner: str | None


@dataclass(frozen=True)
class Replanned:
    from_number: int


@dataclass(frozen=True)
class Extended:
    """`make_up`: for an appointment that was missed or cancelled. `first` as in Booked."""

    appointments: int
    first: datetime
    make_up: bool


@dataclass(frozen=True)
class CourseCancelled:
    """With how many appointments still to come."""

    appointments: int


@dataclass(frozen=True)
class TakenBack:
    """A change was taken back; `moved`: it had moved the appointments, not cancelled them.

    `state`: the state that was recorded by mistake, if it was that.
    """

    numbers: Sequence[int]
    moved: bool
    state: AppointmentState | None = None


@dataclass(frozen=True)
class Cleared:
    """A practitioner looked at the health answers, and the course may begin."""


HistoryFact = (
    Booked
    | Moved
    | StateChanged
    | Shifted
    | WeekSkipped
    | PractitionerChanged
    | Replanned
    | Extended
    | CourseCancelled
    | TakenBack
    | Cleared
)


@dataclass(frozen=True)
class PastEvent:
    """One event. `actor_name` is that of a staff member."""

    id: int
    at: datetime
    actor_kind: str
    actor_name: str | None
    fact: HistoryFact
    reason: str


STATE_AFTER_EVENT = {
    EventKind.APPOINTMENT_CONFIRMED: AppointmentState.CONFIRMED,
    EventKind.ARRIVED: AppointmentState.ARRIVED,
    EventKind.COMPLETED: AppointmentState.COMPLETED,
    EventKind.APPOINTMENT_CANCELLED: AppointmentState.CANCELLED,
    EventKind.MISSED: AppointmentState.NO_SHOW,
}


@dataclass(frozen=True)
class _Context:
    """Rows that the facts need besides the events themselves."""

    zone: ZoneInfo
    practitioners: Mapping[int, str]
    changes: Mapping[int, Sequence[AppointmentChange]]
    taken_back: Mapping[int, Sequence[CourseEvent]]
    """By the event that took them back"""

    def of(self, event: CourseEvent) -> Sequence[AppointmentChange]:
        return self.changes[stored_id(event.id)]

    def local(self, instant: datetime | None) -> datetime:
        return stored_id(instant).astimezone(self.zone)

    def first(self, event: CourseEvent) -> datetime:
        return self.local(min(change.starts_at_after for change in self.of(event)))


def of(session: Session, course: Course, *, after: int = 0, limit: int) -> list[PastEvent]:
    """The events of a course, from the first on; `after` is the id of one that was read before.

    One more than the limit, if there are more.
    """
    events = session.exec(
        select(CourseEvent)
        .where(CourseEvent.course_id == course.id, col(CourseEvent.id) > after)
        .order_by(col(CourseEvent.id))
        .limit(limit + 1)
    ).all()
    context = _context(session, course, events)
    names = _staff_names(session, events)
    return [
        PastEvent(
            stored_id(event.id),
            event.at,
            event.actor_kind,
            names.get(event.actor_id or 0) if event.actor_kind == "staff" else None,
            FACTS[EventKind(event.kind)](event, context),
            event.reason,
        )
        for event in events
    ]


def _context(session: Session, course: Course, events: Sequence[CourseEvent]) -> _Context:
    taken_back: dict[int, list[CourseEvent]] = defaultdict(list)
    for event in session.exec(
        select(CourseEvent).where(
            col(CourseEvent.taken_back_by_id).in_(
                [event.id for event in events if event.kind == EventKind.TAKEN_BACK]
            )
        )
    ):
        taken_back[stored_id(event.taken_back_by_id)].append(event)
    ids = [
        event.id
        for event in (*events, *(undone for some in taken_back.values() for undone in some))
    ]
    changes: dict[int, list[AppointmentChange]] = defaultdict(list)
    for change in session.exec(
        select(AppointmentChange).where(col(AppointmentChange.event_id).in_(ids))
    ):
        changes[change.event_id].append(change)
    practitioners = session.exec(
        select(Practitioner.id, Practitioner.name).where(Practitioner.clinic_id == course.clinic_id)
    )
    return _Context(
        ZoneInfo(session.get_one(Clinic, course.clinic_id).timezone),
        {stored_id(practitioner_id): name for practitioner_id, name in practitioners},
        changes,
        taken_back,
    )


def _staff_names(session: Session, events: Iterable[CourseEvent]) -> dict[int, str]:
    ids = {event.actor_id for event in events if event.actor_kind == "staff"}
    rows = session.exec(select(Member.id, Member.name).where(col(Member.id).in_(ids)))
    return {stored_id(member_id): name for member_id, name in rows}


def _booked(event: CourseEvent, context: _Context) -> Booked:
    appointments = len(context.of(event))
    return Booked(appointments, context.first(event) if appointments else None)


def _moved(event: CourseEvent, context: _Context) -> Moved:
    [change] = context.of(event)
    before, after = stored_id(change.practitioner_id_before), change.practitioner_id_after
    return Moved(
        number=stored_id(change.number_before),
        number_after=change.number_after,
        before=context.local(change.starts_at_before),
        after=context.local(change.starts_at_after),
        practitioner_changed=before != after,
        practitioner_before=context.practitioners.get(before),
        practitioner_after=context.practitioners.get(after),
        overrides_pace=event.overrides_pace,
        room_changed=change.room_id_before not in {None, change.room_id_after},
    )


def _state_changed(event: CourseEvent, context: _Context) -> StateChanged:
    [change] = context.of(event)
    return StateChanged(change.number_after, STATE_AFTER_EVENT[EventKind(event.kind)], event.late)


def _shifted(event: CourseEvent, _: _Context) -> Shifted:
    return Shifted(stored_id(event.from_number), stored_id(event.by_days))


def _week_skipped(event: CourseEvent, _: _Context) -> WeekSkipped:
    return WeekSkipped(stored_id(event.start_on), bool(event.behind))


def _practitioner_changed(event: CourseEvent, context: _Context) -> PractitionerChanged:
    name = context.practitioners.get(event.practitioner_id or 0)
    return PractitionerChanged(stored_id(event.from_number), name)


def _replanned(event: CourseEvent, _: _Context) -> Replanned:
    return Replanned(stored_id(event.from_number))


def _extended(event: CourseEvent, context: _Context) -> Extended:
    return Extended(
        len(context.of(event)), context.first(event), make_up=event.kind == EventKind.MADE_UP
    )


def _course_cancelled(event: CourseEvent, context: _Context) -> CourseCancelled:
    return CourseCancelled(len(context.of(event)))


def _taken_back(event: CourseEvent, context: _Context) -> TakenBack:
    if own := context.of(event):
        [change] = own
        recorded = AppointmentState(stored_id(change.state_before))
        moved = change.starts_at_before != change.starts_at_after
        return TakenBack(
            [change.number_after],
            moved=moved,
            state=None if moved or recorded == AppointmentState.CANCELLED else recorded,
        )
    events = context.taken_back[stored_id(event.id)]
    numbers = [change.number_before or 0 for event in events for change in context.of(event)]
    return TakenBack(sorted(numbers), moved=undo.kind_of(events) == ChangeKind.MOVED)


def _cleared(_event: CourseEvent, _: _Context) -> Cleared:
    return Cleared()


FACTS: Mapping[EventKind, Callable[[CourseEvent, _Context], HistoryFact]] = {
    EventKind.BOOKED: _booked,
    EventKind.MOVED: _moved,
    EventKind.SHIFTED: _shifted,
    EventKind.WEEK_SKIPPED: _week_skipped,
    EventKind.PRACTITIONER_CHANGED: _practitioner_changed,
    EventKind.REPLANNED: _replanned,
    EventKind.EXTENDED: _extended,
    EventKind.MADE_UP: _extended,
    EventKind.CANCELLED: _course_cancelled,
    EventKind.TAKEN_BACK: _taken_back,
    EventKind.CLEARED: _cleared,
    **dict.fromkeys(STATE_AFTER_EVENT, _state_changed),
}
