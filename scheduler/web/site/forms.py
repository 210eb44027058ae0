"""Reads and checks the fields of forms, and keeps them as typed if there are mistakes.

Each `read_*` returns the values, or raises `Mistakes` with a sentence for every wrong field, so
that a patient need not send a form five times to learn of five mistakes.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar
from urllib.parse import parse_qs

from scheduler.i18n.translation import gettext as _
from scheduler.infra import phone
from scheduler.infra.errors import Invalid, Problem
from scheduler.patients import names, screening

MOST_FIELDS = 100
FIELD_SHOWN_AGAIN = 200
"""Characters of a typed field that are shown again. Longer values are not typed by hand."""

TIMES_OF_DAY = {
    "any": None,
    "morning": (0, 12 * 60),
    "afternoon": (12 * 60, 17 * 60),
    "evening": (17 * 60, 24 * 60),
}
"""Times of day: the minutes of the day, half-open, in which a session should begin."""

MOST_DIGITS = 11

Read = TypeVar("Read")


class Mistakes(Problem):
    sentence = "Something in the form has to be changed."

    def __init__(self, sentences: dict[str, str]) -> None:
        self.sentences = sentences
        super().__init__()


class Form:
    """The fields of a form, trimmed. A field that was not sent is empty."""

    def __init__(self, fields: dict[str, list[str]] | None = None) -> None:
        self._fields = fields or {}

    def one(self, name: str) -> str:
        """The first value of a field; empty if there is none."""
        return self.many(name)[0] if self.many(name) else ""

    def many(self, name: str) -> list[str]:
        """All values of a field, for example of several checkboxes."""
        return [value.strip() for value in self._fields.get(name, [])]

    def typed(self, *names: str) -> dict[str, str]:
        """Fields as typed, to show them again; cut to a length that fits the page."""
        return {name: self.one(name)[:FIELD_SHOWN_AGAIN] for name in names}


def parse(body: bytes) -> Form:
    """A form from a request body as browsers send it; Invalid if it cannot be read."""
    try:
        text = body.decode()
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:  # includes UnicodeDecodeError
        raise Invalid(_("This form cannot be read. Please go back and send it again.")) from None
    if any("\0" in value for values in fields.values() for value in values):
        raise Invalid(_("There is a character in this form that cannot be kept. Please remove it."))
    return Form(fields)


@dataclass(frozen=True, kw_only=True)
class Health:
    """The answers to the screening, and how long the complaint has lasted."""

    answers: dict[str, str]
    pain_since: str


def read_health(form: Form) -> Health:
    """The answers about health; Mistakes."""
    mistakes = {}
    since = form.one("pain_since")
    if since not in screening.PAIN_SINCE:
        mistakes["pain_since"] = _("Please choose how long it has troubled you.")
    mistakes |= {
        question.key: _("Please choose an answer. “Not sure” is fine.")
        for question in screening.QUESTIONS
        if form.one(question.key) not in screening.SCREENING_ANSWERS
    }
    if mistakes:
        raise Mistakes(mistakes)
    answers = {question.key: form.one(question.key) for question in screening.QUESTIONS}
    return Health(answers=answers, pain_since=since)


@dataclass(frozen=True, kw_only=True)
class WishAnswers:
    """When the patient would like to come, and to which practitioner. No weekdays means any."""

    start_on: date
    weekdays: tuple[int, ...]
    hours: str
    practitioner_id: int | None


def read_wishes(
    form: Form, *, today: date, horizon_days: int, practitioner_ids: Collection[int]
) -> WishAnswers:
    """The wishes; Mistakes. `today`: the clinic's; `horizon_days`: how far ahead it books."""
    mistakes: dict[str, str] = {}
    start_on = _ask(
        mistakes,
        "start_on",
        lambda: read_day(form.one("start_on"), today=today, horizon_days=horizon_days),
    )
    weekdays = _ask(mistakes, "weekdays", lambda: _weekdays(form))
    hours = form.one("hours") or "any"
    if hours not in TIMES_OF_DAY:
        mistakes["hours"] = _("Please choose a time of day.")
    wanted = form.one("practitioner_id")
    if wanted not in {"", *map(str, practitioner_ids)}:
        mistakes["practitioner_id"] = _("Please choose one of the names below, or anyone.")
    if mistakes or start_on is None or weekdays is None:
        raise Mistakes(mistakes)
    return WishAnswers(
        start_on=start_on,
        weekdays=weekdays,
        hours=hours,
        practitioner_id=int(wanted) if wanted else None,
    )


@dataclass(frozen=True, kw_only=True)
class Details:
    """The patient's name and phone, and consent to texts."""

    name: str
    phone: str
    """E.164"""
    consent: bool


def read_details(form: Form, *, country: str, allowed: Collection[str]) -> Details:
    """Name, phone and consent; Mistakes. `country`, `allowed`: as in `phone.normalise`."""
    mistakes: dict[str, str] = {}
    name = _ask(mistakes, "name", lambda: names.clean_web_name(form.one("name")))
    number = _ask(mistakes, "phone", lambda: _phone(form, country, allowed))
    if mistakes or name is None or number is None:
        raise Mistakes(mistakes)
    return Details(name=name, phone=number, consent=form.one("consent") == "yes")


def read_day(typed: str, *, today: date, horizon_days: int) -> date:
    """A day from today to the horizon; Invalid. Arguments as in `read_wishes`."""
    if not typed:
        raise Invalid(_("Please choose a day to start."))
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise Invalid(
            _("This is not a day of the calendar. Write it like %(day)s.")
            % {"day": today.isoformat()}
        ) from None
    if day < today:
        raise Invalid(_("This day is past. Please choose today or a later day."))
    if day > today + timedelta(days=horizon_days):
        raise Invalid(_("This is farther ahead than we book. Please choose an earlier day."))
    return day


def read_slot(form: Form) -> tuple[int, int]:
    """The chosen time: its UTC minute and the practitioner's id; Invalid."""
    try:
        [slot] = read_slots(form.one("slot"))
    except ValueError:
        raise Invalid(_("Please choose one of the times, or keep it as it is.")) from None
    return slot


def read_slots(typed: str) -> list[tuple[int, int]]:
    """Times as pages put them into forms: "29400540-3,29404860-3"; ValueError."""
    slots = []
    for slot in typed.split(","):
        minute, practitioner_id = slot.split("-")
        if not all(part.isascii() and part.isdecimal() for part in (minute, practitioner_id)):
            raise ValueError(slot)
        if len(minute) > MOST_DIGITS or len(practitioner_id) > MOST_DIGITS:
            raise ValueError(slot)
        slots.append((int(minute), int(practitioner_id)))
    return slots


def _ask(mistakes: dict[str, str], field: str, read: Callable[[], Read]) -> Read | None:
    try:
        return read()
    except Invalid as problem:
        mistakes[field] = problem.sentence
        return None


def _weekdays(form: Form) -> tuple[int, ...]:
    chosen = set(form.many("weekdays"))
    if not chosen <= set("0123456"):
        raise Invalid(_("Please choose among the weekdays below."))
    return tuple(sorted(map(int, chosen)))


def _phone(form: Form, country: str, allowed: Collection[str]) -> str:
    if not form.one("phone"):
        raise Invalid(_("Please give the number of your mobile phone."))
    return phone.normalize(form.one("phone"), country=country, allowed=allowed)
