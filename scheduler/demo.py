"""The demo clinic: three practitioners, three beds, five published courses, invented patients.

Phone numbers are between 555-0100 and 555-0199, which are reserved for fiction. The courses come
from published trials and guidelines. Each names its source.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses
from scheduler.booking.models import Course
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.clinic import rota, setup
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.clinic.phases import WEEKDAYS
from scheduler.infra.clock import FastClock
from scheduler.infra.errors import Conflict
from scheduler.infra.intervals import instant_of
from scheduler.patients import consent, register, screening
from scheduler.patients.models import Patient
from scheduler.phrases import message_triggers
from scheduler.reminders.kinds import timeline
from scheduler.reminders.kinds.timeline import TimelineEntry
from scheduler.sms.console import Console
from scheduler.storage.database import Database, stored_id
from scheduler.worker import Worker

CLINIC: dict[str, Any] = {
    "name": "Willow Acupuncture (demo)",
    "text_name": "Willow Clinic",
    "timezone": "America/New_York",
    "phone": "+12125550100",
    "emergency_phone": "911",
    "country": "US",
    "language": "en",
    "texts_per_day": 2,
    "texts_per_week": 5,
    "insurance_note": "Some insurers pay for acupuncture, many do not.",
}

WEEK = ("mon", "tue", "wed", "thu", "fri")
HANDS_ON = [{"from_minute": 0, "to_minute": 12}, {"from_minute": 32, "to_minute": 40}]
"""Needles in, rest, needles out: the practitioner is free during the rest."""

TIPS = {
    "before": (
        "Eat something about two hours before, and drink some water. Wear loose clothes. Bring a"
        " list of your medicines."
    ),
    "after": (
        "Rise slowly. You may feel tired or relaxed, or sore for a day; a small bruise is harmless."
        " Pain can be worse for a day before it gets better. Take care with driving. Call the"
        " emergency number for breathlessness, chest pain or fainting."
    ),
}


@dataclass(frozen=True)
class DemoTreatment:
    """A published course."""

    name: str
    summary: str
    source: str
    phases: Sequence[dict[str, Any]]
    minutes: int = 40
    hands_on: Sequence[dict[str, int]] = field(default_factory=lambda: HANDS_ON)
    review_after: Sequence[int] = (4,)


OFFERS = (
    DemoTreatment(
        "Lasting low back pain: ten sessions",
        "For back pain of three months or more. Twice a week for three weeks, then once a week for"
        " four, as in the trial of Cherkin and others (2009).",
        "Cherkin 2009: https://pmc.ncbi.nlm.nih.gov/articles/PMC8095030/table/CD013814-tblf-0008",
        [{"sessions": 6, "per_week": 2}, {"sessions": 4, "per_week": 1}],
    ),
    DemoTreatment(
        "Low back pain: ten sessions, five more if it helps",
        "Twice a week for five weeks. If your pain has eased but not gone, five more sessions can"
        " follow, as in the German GERAC trial (2007).",
        "Haake 2007 (GERAC):"
        " https://pmc.ncbi.nlm.nih.gov/articles/PMC8095030/table/CD013814-tblf-0011",
        [{"sessions": 10, "per_week": 2}, {"sessions": 5, "per_week": 2, "optional": True}],
    ),
    DemoTreatment(
        "Headache and migraine: ten sessions",
        "To have fewer headaches: up to ten sessions over eight weeks, as the British guideline for"
        " headaches advises.",
        "NICE CG150 (2012): http://warwickphysio.com/resources.php?page=articles&article=12",
        [{"sessions": 10, "within_days": 56}],
    ),
    DemoTreatment(
        "Knee osteoarthritis: four weeks, three times a week",
        "Monday, Wednesday and Friday for four weeks: twelve sessions.",
        "Trial protocol: https://pubcompare.ai/protocol/y8VY1YwB4C3bMWOehqMp",
        [{"sessions": 12, "per_week": 3, "weekdays": ["mon", "wed", "fri"]}],
        review_after=(6,),
    ),
    DemoTreatment(
        "Stress and tension: eight weekly sessions",
        "Once a week for eight weeks, 45 minutes each.",
        "https://bmccomplementmedtherapies.biomedcentral.com/articles/10.1186/1472-6882-13-308/tables/2",
        [{"sessions": 8, "per_week": 1}],
        minutes=45,
        hands_on=[{"from_minute": 0, "to_minute": 15}, {"from_minute": 37, "to_minute": 45}],
    ),
)

STAFF = (
    ("Robin Example", "LAc 0001 (demo)", WEEK, "09:00", "17:00"),
    ("Sam Example", "LAc 0002 (demo)", WEEK, "10:00", "18:40"),
    ("Kim Example", "LAc 0003 (demo)", ("mon", "thu"), "09:00", "13:00"),
)
"""Kim works part of the week."""

NAMES = ("Ada", "Bea", "Cai", "Dot", "Eli", "Fay", "Gus", "Hal", "Ida", "Jon", "Kay", "Leo")

BOOKED_BEFORE = timedelta(days=16)
"""How long ago the demo patients booked, so that some are in the middle of their course."""

TEXTS_AFTER_LAST_SESSION = timedelta(days=2)
"""How long the fast demo continues after the last session, until its texts have been sent."""


def is_empty(session: Session) -> bool:
    """Whether the database has no clinic."""
    return session.exec(select(Clinic.id)).first() is None


def fill(session: Session, *, now: datetime) -> Clinic:
    """Add the demo clinic to an empty database. Raises Conflict if there is a clinic."""
    if not is_empty(session):
        raise Conflict(
            "This database has a clinic already; the demo needs an empty one."
            " Point DATABASE_URL at a new file."
        )
    booked_at = (now - BOOKED_BEFORE).replace(second=0, microsecond=0)
    clinic = open_clinic(session, now=booked_at)
    treatments = session.exec(select(Treatment).order_by(Treatment.id)).all()  # type: ignore[arg-type]
    for number, name in enumerate(NAMES):
        patient = _enroll(session, clinic, f"{name} Example", f"+12125550{110 + number}", booked_at)
        treatment = treatments[number % len(treatments)]
        wishes = Wishes((booked_at + timedelta(days=1 + 2 * number)).date())
        book(session, treatment, patient, wishes, now=booked_at)
    _complete_past_sessions(session, now)
    return clinic


def open_clinic(session: Session, *, now: datetime) -> Clinic:
    """The demo clinic with its practitioners, beds and treatments, but no patients."""
    clinic = setup.open_clinic(session, OPERATOR, now=now, **CLINIC)
    practitioners = [_hire(session, clinic, member, now) for member in STAFF]
    beds = [
        setup.add_room(session, OPERATOR, clinic, name=f"Bed {number}", now=now)
        for number in (1, 2, 3)
    ]
    for offer in OFFERS:
        _offer(session, clinic, offer, practitioners=practitioners, beds=beds, now=now)
    return clinic


def book(
    session: Session, treatment: Treatment, patient: Patient, wishes: Wishes, *, now: datetime
) -> Course:
    """Book the best course for a patient whose screening answers raise no concern."""
    plan = plan_course.propose(session, treatment, wishes, now=now, patient=patient)
    answers = {question.key: "no" for question in screening.QUESTIONS} | {"seen_by_doctor": "yes"}
    screened = screening.record(session, OPERATOR, patient, answers=answers, now=now)
    return courses.book(
        session,
        OPERATOR,
        treatment=treatment,
        patient=patient,
        wanted=[
            RequestedTime(
                planned.number,
                instant_of(planned.opening.starts_at),
                planned.opening.practitioner_id,
            )
            for planned in plan.sessions
        ],
        screening=screened,
        pain_since="chronic",
        now=now,
    )


def _enroll(session: Session, clinic: Clinic, name: str, phone: str, now: datetime) -> Patient:
    patient = register.enroll(
        session, OPERATOR, clinic=clinic, name=name, phone=phone, language="en", now=now
    )
    patient.phone_proved_at = now
    wording = consent.WORDING["en"]
    consent.give(session, OPERATOR, patient, wording=wording, channel="staff", now=now)
    return patient


def _complete_past_sessions(session: Session, now: datetime) -> None:
    """No patient of the demo misses a session."""
    for course in session.exec(select(Course)).all():
        for appointment in courses.appointments_of(session, course):
            if appointment.ends_at <= now:
                appointments.complete(session, OPERATOR, appointment, now=now)


def _hire(
    session: Session,
    clinic: Clinic,
    member: tuple[str, str, Sequence[str], str, str],
    now: datetime,
) -> Practitioner:
    name, license_number, weekdays, starts, ends = member
    practitioner = setup.hire(
        session,
        OPERATOR,
        clinic,
        name=name,
        license_number=license_number,
        license_expires_on=date(now.year + 2, 12, 31),
        now=now,
    )
    rota.set_hours(
        session,
        OPERATOR,
        practitioner,
        [rota.weekly_hours(WEEKDAYS.index(weekday), starts, ends) for weekday in weekdays],
        now=now,
    )
    return practitioner


def _offer(
    session: Session,
    clinic: Clinic,
    offer: DemoTreatment,
    *,
    practitioners: Sequence[Practitioner],
    beds: Sequence[Room],
    now: datetime,
) -> Treatment:
    return setup.offer(
        session,
        OPERATOR,
        clinic,
        name=offer.name,
        summary=offer.summary,
        source=offer.source,
        minutes=offer.minutes,
        hands_on=list(offer.hands_on),
        turnover_minutes=5,
        phases=list(offer.phases),
        review_after=list(offer.review_after),
        tips=TIPS,
        practitioner_ids=[stored_id(practitioner.id) for practitioner in practitioners],
        room_ids=[stored_id(bed.id) for bed in beds],
        now=now,
    )


def watch(
    database: Database,
    *,
    day_seconds: float,
    now: datetime,
    write: Callable[[str], object],
    key: str,
    public_url: str,
    stop: threading.Event,
) -> None:
    """Book one course in an empty database and play its weeks, one day per `day_seconds`.

    Prints the texts that will be sent, then each text as it is sent. Returns after the end of the
    course, or soon after `stop` is set.
    """
    now = now.replace(second=0, microsecond=0)
    with database.transaction() as session:
        clinic = open_clinic(session, now=now)
        treatment = session.exec(select(Treatment).where(Treatment.name == OFFERS[0].name)).one()
        ada = _enroll(session, clinic, "Ada Example", "+12125550110", now)
        course = book(session, treatment, ada, Wishes((now + timedelta(days=2)).date()), now=now)
        zone = ZoneInfo(clinic.timezone)
        last = courses.appointments_of(session, course)[-1].ends_at
    speed = 86_400 / day_seconds
    write(f"Ada Example books: {treatment.name}. A day takes {day_seconds:g} seconds.")
    with database.transaction() as session:
        for entry in timeline.timeline(
            session, session.get_one(Course, stored_id(course.id)), now=now
        ):
            write(_line(entry, zone))
    write("These texts follow now. Press Ctrl-C to stop.")
    clock = FastClock(now, speed)
    console = Console(write, lambda: clock.now().astimezone(zone))
    worker = Worker(
        database,
        console,
        clock,
        key=key,
        public_url=public_url,
        speed=speed,
        every=min(1.0, day_seconds / 96),
    )
    worker.start()
    try:
        while clock.now() < last + TEXTS_AFTER_LAST_SESSION and not stop.wait(0.5):
            with database.transaction() as session:
                _complete_past_sessions(session, clock.now())
    finally:
        worker.stop()
    with database.transaction() as session:
        finished = session.get_one(Course, stored_id(course.id))
        for entry in timeline.timeline(session, finished, now=clock.now()):
            if entry.reason:
                write(_line(entry, zone))


def _line(entry: TimelineEntry, zone: ZoneInfo) -> str:
    due_at = entry.due_at.astimezone(zone)
    line = f"{due_at:%a %d %b %H:%M} ({message_triggers.describe(entry)}): {entry.text}"
    return f"  {line}" if entry.state == "owed" else f"  not sent: {line} [{entry.reason}]"
