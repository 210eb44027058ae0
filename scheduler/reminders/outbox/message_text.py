"""Writes the text of a message from a template, the clinic and the appointment."""

from datetime import datetime
from zoneinfo import ZoneInfo

from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.i18n.languages import Language
from scheduler.infra.phone import for_people
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.types import DueMessage
from scheduler.reminders.texts import default_texts
from scheduler.reminders.texts.crisis_lines import crisis_line


def of_due_message(clinic: Clinic, message: DueMessage) -> str:
    """The text of a derived message, in the patient's language, else the clinic's."""
    appointment = message.appointment
    templates = message.rule.templates_for(message.cases)
    return compose(
        clinic,
        default_texts.template(templates, appointment.language, clinic.language),
        languages.of(appointment.language, clinic.language),
        starts_at=appointment.starts_at,
        number=appointment.number,
        total=appointment.total,
        practitioner=appointment.practitioner,
    )


def compose(
    clinic: Clinic,
    template: str,
    language: Language,
    *,
    starts_at: datetime,
    number: int,
    total: int,
    practitioner: str,
) -> str:
    """Fill in a template about an appointment, in the clinic's zone. {link} and {code} stay.

    Previews use it too, so that staff see exactly what is sent.
    """
    return templating.render(
        template,
        {
            **clinic_fields(clinic),
            **time_fields(clinic, language, starts_at),
            "number": str(number),
            "total": str(total),
            "practitioner": templating.short_name(practitioner)
            or default_texts.template(default_texts.COLLEAGUE, language.code),
        },
    )


def clinic_fields(clinic: Clinic) -> dict[str, str]:
    """The template fields that describe a clinic."""
    phone = for_people(clinic.phone) if clinic.phone.startswith("+") else clinic.phone
    return {
        "clinic": clinic.text_name,
        "phone": phone,
        "emergency": clinic.emergency_phone,
        "crisis": crisis_line(clinic.country) or clinic.emergency_phone,
    }


def time_fields(clinic: Clinic, language: Language, starts_at: datetime) -> dict[str, str]:
    """The template fields for a start, in the clinic's zone."""
    local = starts_at.astimezone(ZoneInfo(clinic.timezone))
    return templating.when(local, language, templating.clock_of(clinic.country))
