"""Which rule applies to which appointment. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from scheduler.reminders import message_key
from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.schedule import due_times
from scheduler.reminders.schedule.frequency_cap import AnsweredTimes
from scheduler.reminders.schedule.types import AppointmentFacts, Case, Rule, Which


class Trigger(NamedTuple):
    """A rule and an appointment that it applies to."""

    rule: Rule
    appointment: AppointmentFacts
    cases: tuple[Case, ...] = ()


def triggers(
    appointments: Iterable[AppointmentFacts], sent_keys: Set[MessageKey], answers: AnsweredTimes
) -> Iterator[Trigger]:
    """Every rule with every appointment that it applies to."""
    appointments = list(appointments)
    yield from _change_notices(appointments, sent_keys, answers)
    yield from _reassignments(appointments, sent_keys)
    kept = sorted(
        (appointment for appointment in appointments if appointment.live or appointment.missed),
        key=lambda appointment: (appointment.course_id, *_by_time(appointment)),
    )
    for _, course in groupby(kept, key=lambda appointment: appointment.course_id):
        yield from _triggers_of_course(list(course))


def key_of(rule: Rule, appointment: AppointmentFacts) -> MessageKey:
    """The key of the message that a rule sends about an appointment."""
    if rule.anchor == "booked":
        return message_key.of_booking(rule.id, appointment.course_id, rule.variant)
    if rule.anchor == "change":
        changed_at = due_times.anchor_of(rule, appointment)
        return message_key.of_change(rule.id, appointment.course_id, changed_at)
    return message_key.of_appointment(rule.id, appointment.appointment_id, appointment.starts_at)


def _change_notices(
    appointments: list[AppointmentFacts], sent_keys: Set[MessageKey], answers: AnsweredTimes
) -> Iterator[Trigger]:
    """One notice for each change by the clinic, about the earliest appointment in it.

    An appointment whose new time an answer has given is left out. If that leaves no moved
    appointment, the notice is about the cancelled ones. A change of a past appointment is not
    reported.
    """
    changes: dict[tuple[str, datetime], list[AppointmentFacts]] = defaultdict(list)
    for appointment in appointments:
        at = appointment.changed_at
        if at is not None and appointment.starts_at > at and not appointment.missed:
            changes[appointment.course_id, at].append(appointment)
    for (_, changed_at), changed in changes.items():
        moved = [appointment for appointment in changed if appointment.live]
        unreported = [appointment for appointment in moved if not answers.told_at(appointment)]
        if moved and not unreported and not _is_sent("moved", moved[0], changed_at, sent_keys):
            unreported = [appointment for appointment in changed if not appointment.live]
        appointment = min(unreported or moved or changed, key=_by_time)
        which = "moved" if appointment.live else "cancelled"
        for rule in appointment.rules:
            if rule.anchor == "change" and rule.which == which:
                yield Trigger(rule, appointment)


def _is_sent(
    which: Which,
    appointment: AppointmentFacts,
    changed_at: datetime,
    sent_keys: Set[MessageKey],
) -> bool:
    """Whether the notice of a change went out. One notice, with a link, reports all of it."""
    return any(
        message_key.of_change(rule.id, appointment.course_id, changed_at) in sent_keys
        for rule in appointment.rules
        if rule.which == which
    )


def _reassignments(
    appointments: list[AppointmentFacts], sent_keys: Set[MessageKey]
) -> Iterator[Trigger]:
    """One notice for each change of practitioner, about the earliest appointment in it.

    There is no notice if the patient already knows the current practitioner.
    """
    changes: dict[tuple[str, datetime], list[Trigger]] = defaultdict(list)
    for appointment in appointments:
        since = appointment.reassigned_at
        if since is not None and appointment.starts_at > since and appointment.live:
            for rule in appointment.rules:
                if rule.which == "reassigned" and not _is_known(rule, appointment, sent_keys):
                    changes[rule.id + appointment.course_id, since].append(
                        Trigger(rule, appointment)
                    )
    for changed in changes.values():
        yield min(changed, key=lambda trigger: _by_time(trigger.appointment))


def _is_known(rule: Rule, appointment: AppointmentFacts, sent_keys: Set[MessageKey]) -> bool:
    """Whether the patient knows the current practitioner, from booking or from the last notice."""
    first, *later = appointment.practitioners
    reported = [
        change
        for change in later
        if change.since
        and message_key.of_change(rule.id, appointment.course_id, change.since) in sent_keys
    ]
    known = [first, *reported][-1]
    return known.practitioner_id == later[-1].practitioner_id


def _triggers_of_course(kept: list[AppointmentFacts]) -> Iterator[Trigger]:
    """The triggers of the appointments that were not cancelled. Missed ones trigger nothing."""
    before = dict(zip(map(id, kept[1:]), kept, strict=False))
    course = [appointment for appointment in kept if not appointment.missed]
    confirmed = _first_after_booking(course)
    for place, appointment in enumerate(course):
        previous = before.get(id(appointment))
        cases = _cases(place, len(course), after_missed=previous is not None and previous.missed)
        for rule in appointment.rules:
            if rule.anchor == "booked":
                if appointment is confirmed:
                    yield Trigger(rule, appointment)
            elif rule.anchor != "change" and _applies(rule, course, place):
                yield Trigger(rule, appointment, cases)


def _cases(place: int, total: int, *, after_missed: bool) -> tuple[Case, ...]:
    """The special cases that an appointment of a course is, the most telling first."""
    cases: list[tuple[Case, bool]] = [
        ("missed", after_missed),
        ("last", place == total - 1),
        ("first", place == 0),
        ("later", place > 0),
    ]
    return tuple(case for case, applies in cases if applies)


def _applies(rule: Rule, course: list[AppointmentFacts], place: int) -> bool:
    """Whether a rule applies to the appointment at this place of a course."""
    match rule.which:
        case "first":
            return place == 0
        case "last":
            return place == len(course) - 1
        case "each_phase":
            return place == 0 or course[place].phase != course[place - 1].phase
        case "every":
            return (place + 1) % rule.every == 0
        case "review":
            return course[place].review
        case _:
            return True


def _first_after_booking(course: list[AppointmentFacts]) -> AppointmentFacts | None:
    """The first appointment that was in the future at booking. Staff may enter past ones."""
    return next(
        (appointment for appointment in course if appointment.starts_at > appointment.booked_at),
        None,
    )


def _by_time(appointment: AppointmentFacts) -> tuple[datetime, str]:
    return appointment.starts_at, appointment.appointment_id
