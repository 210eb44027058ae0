"""Screening questions before treatment, and the answers that a practitioner must see first.

Bleeding disorders and blood thinners, pacemakers, pregnancy, metal allergy, fainting, infection:
the questions in hospital leaflets on acupuncture (North Bristol NHS Trust; Mayo Clinic).
A "yes" does not refuse the patient: it holds the course until a practitioner has cleared it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import Invalid
from scheduler.patients.models import Patient, Screening
from scheduler.storage.database import stored_id

SCREENING_ANSWERS = ("no", "yes", "unsure")
PAIN_SINCE = {
    "acute": marked("Less than 3 months"),
    "subacute": marked("3 to 6 months"),
    "chronic": marked("More than 6 months"),
    "other": marked("It is not about pain"),
}
"""Acute pain is under 3 months old, chronic over 6. Their treatments differ."""


@dataclass(frozen=True)
class Question:
    """One question. `holds`: the answers that hold the course for a practitioner."""

    key: str
    words: str
    hint: str = ""
    holds: frozenset[str] = frozenset({"yes", "unsure"})
    advice: Mapping[str, str] | None = None
    """By answer, advice that the page shows at once."""


QUESTIONS = (
    Question(
        "bleeding",
        marked("Do you bleed or bruise very easily, or have a bleeding disorder?"),
        hint=marked("For example hemophilia, or too few platelets."),
    ),
    Question(
        "blood_thinners",
        marked("Do you take a blood thinner?"),
        hint=marked(
            "For example warfarin (Coumadin), apixaban (Eliquis), rivaroxaban (Xarelto), dabigatran"
            " (Pradaxa), clopidogrel (Plavix), heparin, or aspirin every day. Go on taking it."
        ),
    ),
    Question(
        "pacemaker",
        marked("Do you have a pacemaker or another electrical implant?"),
        hint=marked("Tell us, so that we use no electric current."),
    ),
    Question(
        "pregnant",
        marked("Are you pregnant, or could you be?"),
        hint=marked("Tell us, so that we can leave out some points."),
    ),
    Question(
        "metal_allergy",
        marked("Are you allergic to metal, for example to nickel in jewellery?"),
        holds=frozenset({"yes"}),
    ),
    Question(
        "fainting",
        marked("Have you fainted during treatment, or are you very afraid of needles?"),
        hint=marked("That is common. We will treat you lying down and go slowly."),
        holds=frozenset(),
    ),
    Question(
        "infection",
        marked("Do you have an infection or a wound where it hurts?"),
        hint=marked("We put no needle there until it has healed."),
        holds=frozenset({"yes"}),
    ),
    Question(
        "seen_by_doctor",
        marked("Has a doctor looked at what troubles you?"),
        holds=frozenset(),
        advice={
            "no": marked(
                "Please let a doctor find the cause as well: needles can ease a pain whose cause"
                " needs another treatment. You can book all the same."
            )
        },
    ),
)


def clean(answers: Mapping[str, str]) -> dict[str, str]:
    """The answers to all questions. Raises Invalid for the first missing or unknown answer."""
    for question in QUESTIONS:
        if answers.get(question.key) not in SCREENING_ANSWERS:
            raise Invalid(
                _("Please answer: %(question)s") % {"question": _(question.words)},
                field=question.key,
            )
    return {question.key: answers[question.key] for question in QUESTIONS}


def needs_clearance(answers: Mapping[str, str]) -> bool:
    """Whether a practitioner must see these answers before the first session."""
    return any(answers.get(question.key) in question.holds for question in QUESTIONS)


def record(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    answers: Mapping[str, str],
    now: datetime,
) -> Screening:
    """Store a patient's answers. They are health data, so no log, text or list shows them."""
    screening = Screening(
        patient_id=stored_id(patient.id),
        at=now,
        answers=clean(answers),
        needs_clearance=needs_clearance(answers),
    )
    session.add(screening)
    session.flush()
    audit_trail.record(
        session,
        actor,
        Action.SCREENED,
        "patient",
        patient.id,
        clinic_id=patient.clinic_id,
        now=now,
        needs_clearance=screening.needs_clearance,
    )
    return screening


def newest(session: Session, patient: Patient) -> Screening | None:
    """The newest answers of a patient; None if there are none."""
    return session.exec(
        select(Screening)
        .where(Screening.patient_id == patient.id)
        .order_by(col(Screening.at).desc(), col(Screening.id).desc())
    ).first()
