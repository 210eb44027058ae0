"""Puts the appointments of a course on the calendars.

Below `courses`: whether the course may be booked or changed is decided there.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from scheduler.booking.availability import allocation, reservation
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.availability.limits import NO_PERMIT, Permit
from scheduler.booking.availability.search import Ignoring, Resources
from scheduler.booking.models import Appointment, Course
from scheduler.clinic.phases import Phase
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id


def claim(
    session: Session,
    resources: Resources,
    appointments: Sequence[Appointment],
    seats: Sequence[Allocation],
    *,
    patient: Patient,
    now: datetime,
    permit: Permit = NO_PERMIT,
) -> bool:
    """Put the appointments on the calendars, all or none. False: another request was first."""
    return reservation.claim(
        session,
        resources,
        seats,
        [
            entry
            for appointment, seat in zip(appointments, seats, strict=True)
            for entry in allocation.diary_entries(
                seat, resources, patient=patient, appointment_id=stored_id(appointment.id)
            )
        ],
        now=now,
        ignoring=Ignoring(
            appointment_ids=[stored_id(appointment.id) for appointment in appointments]
        ),
        permit=permit,
    )


def place(appointment: Appointment, seat: Allocation, resources: Resources, now: datetime) -> None:
    """Set an appointment to a time, practitioner and room."""
    local = instant_of(seat.starts_at).astimezone(resources.zone)
    appointment.practitioner_id = seat.practitioner_id
    appointment.room_id = seat.room_id
    appointment.starts_at = instant_of(seat.starts_at)
    appointment.ends_at = instant_of(seat.starts_at + resources.shape.minutes)
    appointment.wall_time = local.strftime("%Y-%m-%dT%H:%M")
    appointment.fold = local.fold
    appointment.zone = resources.zone.key
    appointment.hands = ",".join(f"{start}:{end}" for start, end in resources.shape.hands())
    appointment.changed_at = now


def phase_numbers(planned: Sequence[Phase], sessions: int) -> list[int]:
    """The phase number of each session; sessions beyond the last phase count to it."""
    numbers = [
        number
        for number, phase in enumerate(planned, start=1)
        if not phase.optional
        for _ in range(phase.sessions)
    ]
    return (numbers + [max(numbers, default=1)] * sessions)[:sessions]


def new_appointment(
    course: Course, seat: Allocation, resources: Resources, phase: int, now: datetime
) -> Appointment:
    """A new appointment with a time, practitioner and room; not stored yet."""
    starts_at = instant_of(seat.starts_at)
    appointment = Appointment(
        clinic_id=course.clinic_id,
        course_id=stored_id(course.id),
        patient_id=course.patient_id,
        practitioner_id=seat.practitioner_id,
        room_id=seat.room_id,
        number=seat.number,
        phase=phase,
        starts_at=starts_at,
        ends_at=starts_at,
        wall_time="",
        zone=resources.zone.key,
        changed_at=now,
    )
    place(appointment, seat, resources, now)
    return appointment
