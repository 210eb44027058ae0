"""One reply and what may be said to it: in whose name, in which language, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import Actor
from scheduler.booking.models import Appointment
from scheduler.clinic.models import Practitioner
from scheduler.i18n import languages
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Message, Reply
from scheduler.reminders.outbox import outbox
from scheduler.reminders.outbox.open_questions import Contact, OpenQuestion
from scheduler.reminders.schedule import templating
from scheduler.storage.database import stored_id

USEFUL = timedelta(minutes=30)
"""An answer that comes later than this answers nothing."""

LATE = timedelta(hours=2)
"""Texts that reach us later than this are no longer answered by a program."""

FLOOD = timedelta(minutes=10)
MOST_IN_A_FLOOD = 5
"""Answers to one phone in ten minutes: two machines could talk to each other for ever. Twilio fails
what goes between two numbers more than 15 times in 30 seconds (its error 14107)."""

MOST_IN_A_DAY = 20

ONCE_AT_ANY_RATE = {"emergency", "stopped"}
"""What is said once within ten minutes, whatever else was said."""

MAX_REASON = 300


@dataclass(frozen=True)
class Conversation:
    """One reply, who sent it, and whether we may answer."""

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
        """Whether the text was under way for too long to be answered by a program."""
        return self.now - self.reply.at > LATE

    def tell_staff(self, reason: str) -> None:
        """Put the reply before staff, and say why."""
        self.reply.for_staff = True
        self.reply.reason = f"{self.reply.reason} {reason}".strip()[:MAX_REASON]

    def answer(
        self,
        kind: str,
        *,
        appointment: Appointment | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        """Owe the phone a text, unless the carrier has answered or there were too many."""
        if self.silent:
            return
        if self.is_late and kind not in ONCE_AT_ANY_RATE:
            self.tell_staff("It reached us late and was not answered.")
            return
        if not self._may_say(kind):
            self.tell_staff("It was not answered: this phone had too many answers already.")
            return
        outbox.owe_answer(
            self.session,
            clinic=self.contact.clinic,
            phone=self.phone,
            language=self.contact.language,
            kind=kind,
            to_reply=stored_id(self.reply.id),
            fields={**(fields or {}), **(self.when(appointment) if appointment else {})},
            appointment=appointment,
            useful=USEFUL,
            now=self.now,
        )

    def _may_say(self, kind: str) -> bool:
        since = self.now - outbox.DAY
        answers = self.session.exec(
            select(Message.kind, Message.created_at).where(
                Message.phone == self.phone,
                Message.created_at > since,
                col(Message.key).startswith("answer:"),
            )
        ).all()
        lately = [answer for answer, at in answers if at > self.now - FLOOD]
        if kind in ONCE_AT_ANY_RATE and kind not in lately:
            return True
        if outbox.is_strange(self.session, self.phone):
            said = outbox.said_since(self.session, self.phone, since)
            return said < outbox.MOST_TO_STRANGERS
        return len(lately) < MOST_IN_A_FLOOD and len(answers) < MOST_IN_A_DAY

    def ask_which(
        self, sessions: Sequence[OpenQuestion], meaning: Intent | str, *, score: int | None = None
    ) -> None:
        """Ask which session is meant. What was offered is kept: numbers mean nothing without."""
        self.reply.offered = {
            "meaning": str(meaning),
            "sessions": [
                (
                    stored_id(appointment.appointment.id),
                    appointment.appointment.starts_at.isoformat(),
                )
                for appointment in sessions
            ],
            "score": score,
        }
        self.answer("which_one", fields={"choices": self.listed(sessions)})

    def listed(self, sessions: Sequence[OpenQuestion]) -> str:
        """Sessions by number, with date and time, told apart where they are at one time."""
        told = [self._choice(appointment.appointment, sessions) for appointment in sessions]
        return ", ".join(f"{number}: {each}" for number, each in enumerate(told, start=1))

    def _choice(self, appointment: Appointment, others: Sequence[OpenQuestion]) -> str:
        at = self.when(appointment)
        told = f"{at['date']} {at['time']}"
        starts = [each.appointment.starts_at for each in others]
        if starts.count(appointment.starts_at) == 1:
            return told
        # Two children at one time. Whose session it is must not stand in a text; who gives it may.
        who = self.session.get_one(Practitioner, appointment.practitioner_id)
        return f"{told} {who.name}"

    def when(self, appointment: Appointment) -> dict[str, str]:
        """Date and time of a session as the patient reads them."""
        clinic = self.contact.clinic
        local = appointment.starts_at.astimezone(ZoneInfo(clinic.timezone))
        language = languages.of(self.contact.language, clinic.language)
        return templating.when(local, language, templating.clock_of(clinic.country))

    def actor(self, appointment: Appointment) -> Actor:
        """The patient whose session it is, acting by text."""
        return Actor(
            kind="patient",
            id=appointment.patient_id,
            clinic_ids=frozenset({appointment.clinic_id}),
            origin="text",
        )

    def about(self, appointment: Appointment) -> Appointment:
        """The session that the reply turned out to be about, noted on it."""
        self.reply.appointment_id = appointment.id
        self.reply.patient_id = appointment.patient_id
        return appointment
