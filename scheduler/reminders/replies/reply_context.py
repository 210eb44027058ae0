"""The context of one reply: the sender, the clinic that answers, and the limits on answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.models import Appointment
from scheduler.clinic.models import Practitioner
from scheduler.i18n import languages
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import OfferedChoice, Reply
from scheduler.reminders.outbox import immediate
from scheduler.reminders.outbox.open_questions import Contact, OpenQuestion
from scheduler.reminders.schedule import templating
from scheduler.storage.database import stored_id

ANSWER_USEFUL_FOR = timedelta(minutes=30)
"""After this time an answer is no longer sent."""

TOO_LATE_TO_ANSWER = timedelta(hours=2)
"""A reply that reaches us later than this is not answered automatically."""

FLOOD = timedelta(minutes=10)
MOST_IN_A_FLOOD = 5
"""The most answers to one phone in ten minutes, so that two machines cannot text each other without
end. Twilio stops a conversation after 15 messages in 30 seconds (error 14107)."""

MOST_IN_A_DAY = 20

ALWAYS_ANSWERED_ONCE = {"emergency", "crisis", "stopped"}
"""Answers that are sent once within ten minutes, whatever the limits."""

MAX_REASON = 300


@dataclass(frozen=True)
class Conversation:
    """One reply, its sender, and whether it may be answered."""

    session: Session
    reply: Reply
    contact: Contact
    silent: bool
    now: datetime

    @property
    def phone(self) -> str:
        """The sender's number."""
        return self.reply.phone

    @property
    def is_late(self) -> bool:
        """Whether the reply took too long to reach us to be answered automatically."""
        return self.now - self.reply.at > TOO_LATE_TO_ANSWER

    def tell_staff(self, reason: str) -> None:
        """Put the reply before staff with a reason."""
        self.reply.for_staff = True
        self.reply.reason = f"{self.reply.reason} {reason}".strip()[:MAX_REASON]

    def answer(
        self,
        kind: str,
        *,
        appointment: Appointment | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        """Owe an answer, unless the carrier has answered or the phone had too many answers."""
        if self.silent:
            return
        if self.is_late and kind not in ALWAYS_ANSWERED_ONCE:
            self.tell_staff("It reached us late and was not answered.")
            return
        if not self._may_answer(kind):
            self.tell_staff("It was not answered: this phone had too many answers already.")
            return
        immediate.owe_answer(
            self.session,
            self.contact.clinic,
            kind,
            reply_id=stored_id(self.reply.id),
            phone=self.phone,
            language=self.contact.language,
            fields={**(fields or {}), **(self.when(appointment) if appointment else {})},
            appointment=appointment,
            useful=ANSWER_USEFUL_FOR,
            now=self.now,
        )

    def _may_answer(self, kind: str) -> bool:
        since = self.now - immediate.DAY
        answers = immediate.answers_since(self.session, self.phone, since)
        lately = [answer for answer, at in answers if at > self.now - FLOOD]
        if kind in ALWAYS_ANSWERED_ONCE and kind not in lately:
            return True
        if immediate.is_unknown_phone(self.session, self.phone):
            sent = immediate.count_since(self.session, self.phone, since)
            return sent < immediate.DAILY_CAP_OF_UNKNOWN_PHONES
        return len(lately) < MOST_IN_A_FLOOD and len(answers) < MOST_IN_A_DAY

    def ask_which(
        self, sessions: Sequence[OpenQuestion], meaning: Intent | str, *, score: int | None = None
    ) -> None:
        """Ask which appointment is meant, and store the list that the numbers refer to."""
        self.reply.offered = OfferedChoice(
            meaning=str(meaning),
            sessions=[
                (stored_id(question.appointment.id), question.appointment.starts_at)
                for question in sessions
            ],
            score=score,
        )
        self.answer("which_one", fields={"choices": self.listed(sessions)})

    def listed(self, sessions: Sequence[OpenQuestion]) -> str:
        """A numbered list of appointments with date and time, told apart if at the same time."""
        choices = [self._choice(question.appointment, sessions) for question in sessions]
        return ", ".join(f"{number}: {choice}" for number, choice in enumerate(choices, start=1))

    def _choice(self, appointment: Appointment, others: Sequence[OpenQuestion]) -> str:
        at = self.when(appointment)
        when = f"{at['date']} {at['time']}"
        starts = [question.appointment.starts_at for question in others]
        if starts.count(appointment.starts_at) == 1:
            return when
        # Two children at the same time. A text must not name a patient, so name the practitioner.
        practitioner = self.session.get_one(Practitioner, appointment.practitioner_id)
        return f"{when} {practitioner.name}"

    def when(self, appointment: Appointment) -> dict[str, str]:
        """Date and time of an appointment in the patient's language and the clinic's zone."""
        clinic = self.contact.clinic
        local = appointment.starts_at.astimezone(ZoneInfo(clinic.timezone))
        language = languages.of(self.contact.language, clinic.language)
        return templating.when(local, language, templating.clock_of(clinic.country))

    def actor(self, appointment: Appointment) -> Actor:
        """The patient of this appointment, acting by text."""
        return Actor(
            kind="patient",
            id=appointment.patient_id,
            clinic_ids=frozenset({appointment.clinic_id}),
            origin="text",
        )

    def about(self, appointment: Appointment) -> Appointment:
        """Record on the reply which appointment it is about."""
        self.reply.appointment_id = appointment.id
        self.reply.patient_id = appointment.patient_id
        return appointment
