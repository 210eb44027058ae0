"""One row of every kind at a clinic, and a valid body for every route."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import closures, proposals, time_off
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import courses
from scheduler.booking.waitlist import entries
from scheduler.clinic import rota
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.patients.models import Patient
from scheduler.patients.screening import QUESTIONS
from scheduler.reminders.models import MassText, Message, ReminderRule, Reply
from scheduler.reminders.outbox import clinic_rules
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import DAY, MONDAY, NOW, Cast

PHASES = [{"sessions": 2, "per_week": 2}]


@dataclass
class Ids:
    """The ids of one clinic's things, by the names that routes and bodies give them."""

    by_parameter: dict[str, int]
    by_body: dict[str, Any]
    bodies: dict[str, dict[str, Any]]

    def body(self, described: dict[str, Any]) -> dict[str, Any] | None:
        """A request body for a route, filled in for this clinic."""
        content = described.get("requestBody", {}).get("content", {})
        schema = str(content.get("application/json", {}).get("schema", ""))
        for name, body in self.bodies.items():
            if f"/{name}'" in schema:
                return body
        assert not schema, f"no body for {schema}"
        return None


def furnish(database: Database, cast: Cast) -> Ids:
    """Book, plan an absence, text and be answered at a clinic."""
    with database.transaction() as session:
        treatment = session.get_one(Treatment, cast.back)
        course = courses.book(
            session,
            OPERATOR,
            treatment=treatment,
            patient=session.get_one(Patient, cast.ann),
            wanted=[
                RequestedTime(1, MONDAY, cast.ana),
                RequestedTime(2, MONDAY + 2 * DAY, cast.ana),
            ],
            now=NOW,
        )
        away = time_off.take_time_off(
            session,
            OPERATOR,
            session.get_one(Practitioner, cast.ben),
            starts_at=MONDAY + 30 * DAY,
            ends_at=MONDAY + 31 * DAY,
            now=NOW,
        )
        [closure] = closures.close(
            session,
            OPERATOR,
            session.get_one(Clinic, cast.clinic),
            day=(MONDAY + 60 * DAY).date(),
            now=NOW,
        )
        proposal = proposals.propose(
            session,
            OPERATOR,
            proposals.of_time_off(
                session.get_one(Practitioner, cast.ben),
                starts_at=MONDAY + 20 * DAY,
                ends_at=MONDAY + 21 * DAY,
                now=NOW,
            ),
        )
        extra = rota.add_extra(
            session,
            OPERATOR,
            session.get_one(Practitioner, cast.ben),
            day=(MONDAY + 33 * DAY).date(),
            starts="09:00",
            ends="12:00",
            now=NOW,
        )
        clinic_rules.settle(session, [cast.clinic], now=NOW)
        rule = session.exec(
            select(ReminderRule)
            .where(ReminderRule.clinic_id == cast.clinic)
            .order_by(col(ReminderRule.id))
        ).first()
        assert rule is not None
        reply = Reply(
            clinic_id=cast.clinic,
            carrier_id=f"SM{cast.clinic:032x}",
            phone="+12025550101",
            body="Where may I park?",
            meaning="unknown",
            for_staff=True,
            at=NOW,
        )
        session.add(reply)
        message = Message(
            clinic_id=cast.clinic,
            key=f"test:{cast.clinic}",
            kind="day_before",
            phone="+12025550101",
            text="See you tomorrow",
            due_at=NOW,
            expires_at=NOW + timedelta(hours=1),
            created_at=NOW,
        )
        session.add(message)
        many = MassText(
            clinic_id=cast.clinic,
            begins_at=NOW - timedelta(days=9),
            ends_at=NOW - timedelta(days=8),
            opened_at=NOW - timedelta(days=9),
        )
        session.add(many)
        session.flush()
        appointment, second = courses.appointments_of(session, course)
        entry = entries.enter(
            session,
            OPERATOR,
            treatment=treatment,
            patient=session.get_one(Patient, cast.ann),
            now=NOW,
        )
        by_body: dict[str, Any] = {
            "clinic_id": cast.clinic,
            "treatment_id": cast.back,
            "practitioner_id": cast.ben,
            "patient_id": cast.bob,
            "practitioner_ids": [cast.ana],
            "room_ids": [cast.beds[0]],
            "appointment_id": stored_id(appointment.id),
        }
        return Ids(
            by_parameter={
                **by_body,
                "patient_id": cast.ann,
                "practitioner_id": cast.ben,
                "room_id": cast.beds[0],
                "course_id": stored_id(course.id),
                "proposal_id": stored_id(proposal.id),
                "time_off_id": stored_id(away.id),
                "closure_id": stored_id(closure.id),
                "extra_hours_id": stored_id(extra.id),
                "rule_id": stored_id(rule.id),
                "reply_id": stored_id(reply.id),
                "entry_id": stored_id(entry.id),
                "message_id": stored_id(message.id),
                "mass_text_id": stored_id(many.id),
            },
            by_body=by_body,
            bodies={**_bodies(cast), "AppointmentSwap": {"appointment_id": stored_id(second.id)}},
        )


def _bodies(cast: Cast) -> dict[str, dict[str, Any]]:
    there = ZoneInfo("America/New_York")
    at = (MONDAY + 7 * DAY).astimezone(there).isoformat()
    clinic = {"clinic_id": cast.clinic}
    return {
        "Credentials": {"email": "nobody@example.org", "password": "guess"},
        "NewClinic": {
            "name": "Third",
            "timezone": "Europe/Berlin",
            "phone": "+49 30 1234567",
            "emergency_phone": "112",
            "country": "DE",
        },
        "ClinicChange": {"insurance_note": "Ask your insurer."},
        "NewClosure": {"date": (MONDAY + 90 * DAY).date().isoformat()},
        "NewPractitioner": {
            **clinic,
            "name": "Cleo",
            "license_number": "L-Cleo",
            "license_expires_on": "2030-01-01",
        },
        "PractitionerChange": {"name": "Ben B."},
        "NewHours": {"weekly": [{"weekday": "tue", "from": "09:00", "to": "12:00"}]},
        "NewBreaks": {
            "weekly": [{"weekday": "tue", "from": "12:00", "to": "14:00", "minutes": 30}]
        },
        "NewExtraHours": {
            "date": (MONDAY + 40 * DAY).date().isoformat(),
            "from": "09:00",
            "to": "12:00",
        },
        "TimeOffTimes": {
            "starts_at": (MONDAY + 42 * DAY).isoformat(),
            "ends_at": (MONDAY + 43 * DAY).isoformat(),
        },
        "NewTimeOff": {
            "starts_at": (MONDAY + 40 * DAY).isoformat(),
            "ends_at": (MONDAY + 41 * DAY).isoformat(),
        },
        "NewAbsence": {
            "starts_at": (MONDAY + 50 * DAY).isoformat(),
            "ends_at": (MONDAY + 51 * DAY).isoformat(),
        },
        "BulkTextConfirmation": {"people": 0},
        "ProposalConfirmation": {"unplaced": "cancel"},
        "NewRoom": {**clinic, "name": "Bed 3"},
        "NewScreening": {"answers": {question.key: "no" for question in QUESTIONS}},
        "RoomChange": {"name": "Bed 1"},
        "NewTreatment": {
            **clinic,
            "name": "Knee",
            "phases": PHASES,
            "practitioner_ids": [cast.ana],
            "room_ids": [cast.beds[0]],
        },
        "TreatmentChange": {
            "name": "Back",
            "practitioner_ids": [cast.ana, cast.ben],
            "room_ids": list(cast.beds),
        },
        "NewPlan": {
            "treatment_id": cast.back,
            "start_on": MONDAY.date().isoformat(),
            "practitioner_id": cast.ana,
            "patient_id": cast.bob,
        },
        "NewCourse": {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": at}],
        },
        "NewWaitlistEntry": {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "wants": "course",
            "practitioner_id": cast.ana,
        },
        "WaitlistEntryChange": {"practitioner_id": cast.ana},
        "OfferDecline": {"leave": True},
        "CourseShift": {"from_number": 1, "by_days": 7},
        "ClearanceNote": {"note": "fine"},
        "AppointmentMove": {"starts_at": at, "practitioner_id": cast.ana, "insist": "as a test"},
        "CourseReplanning": {"from_number": 1, "practitioner_id": cast.ana},
        "CourseExtension": {"phase": 1, "practitioner_id": cast.ana},
        "MakeUpSession": {"practitioner_id": cast.ana},
        "SkippedWeek": {"start_on": MONDAY.date().isoformat()},
        "CoursePractitioner": {"practitioner_id": cast.ana},
        "WithReason": {"reason": "ill"},
        "NewPatient": {**clinic, "name": "Cy Example", "phone": "(202) 555-0103"},
        "PatientChange": {"language": "es"},
        "NewRule": {
            **clinic,
            "kind": "parking",
            "anchor": "start",
            "offset_minutes": -2880,
            "useful_minutes": -120,
            "templates": {"en": "{clinic}: park behind the house."},
        },
        "NewScore": {"value": 3},
        "RuleAdoption": {**clinic, "kind": "review"},
        "RuleChange": {"priority": 5},
        "TemplateDraft": {**clinic, "template": "{clinic}: {date}"},
    }
