"""The default templates in English, by kind. Catalogs translate them. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from scheduler.i18n import languages
from scheduler.i18n.languages import Words

_REMINDERS = {
    "confirmation": (
        "{clinic}: booked. Session {number} of {total} is on {date}, {time}. We text you before"
        " each. Reply R to change, HELP for help, STOP to opt out."
    ),
    "day_before": (
        "{clinic}: {date} {time}. Eat something about 2 hours before, rise slowly after."
        " Reply C to confirm, R to change, STOP to opt out."
    ),
    "same_day": (
        "{clinic}: {date} {time}. Please eat something by {eat_by}, not a heavy meal, and wear"
        " loose clothes. Questions? {phone}"
    ),
    "aftercare": (
        "{clinic}: rise slowly. Tired, sore, a small bruise for a day: normal. Breathless,"
        " chest pain, fever, spreading redness: call {emergency}"
    ),
    "check_in": (
        "{clinic}: how strong are your symptoms today? Reply with a number: 0 = none, 10 = the"
        " worst you can imagine. Questions? {phone}"
    ),
    "review": (
        "{clinic}: how strong are your symptoms by now? Reply with a number: 0 = none, 10 ="
        " the worst you can imagine. Questions? {phone}"
    ),
    "closing": (
        "{clinic}: that was your last session. Thank you for coming. If your complaints return or"
        " you have questions, call {phone}"
    ),
    "moved": "{clinic}: session {number} is now on {date}, {time}. All your times: {link}",
    "cancelled": "{clinic}: {date}, {time} is cancelled, please do not come. Your times: {link}",
    "reassigned": "{clinic}: {date}, {time} is now with {practitioner}. Your times: {link}",
}

_LATER_DAY_BEFORE = (
    "{clinic}: session {number} of {total} is {date} {time}. Eat 2 hours before, rise slowly"
    " after. Reply C to confirm, R to change, STOP to opt out."
)
_DAY_BEFORE_AFTER_A_MISS = (
    "{clinic}: we missed you. Your next time is {date} {time}. Eat 2 hours before."
    " Reply C to confirm, R to change, STOP to opt out."
)

_ANSWERS = {
    "code": "{clinic}: your code is {code}. It is good for 10 minutes. Do not tell it to anyone.",
    "confirmed": "{clinic}: thank you, {date} {time} is confirmed. To change it reply R.",
    "confirmed_all": "{clinic}: thank you, all are confirmed. To change one reply R. {choices}",
    "held": (
        "{clinic}: we have kept your times. A practitioner looks at your answers first and we"
        " text you. Questions? {phone}"
    ),
    "declined": (
        "{clinic}: we cannot keep the times you asked for. Please call us about them: {phone}"
    ),
    "nothing_to_confirm": (
        "{clinic}: we found no session to confirm. Please call {phone} if you expected one."
    ),
    "reschedule": ("{clinic}: nothing is cancelled or changed yet. Do it here: {link}"),
    "lost_link": "{clinic}: your next session is {date} {time}. All your times: {link}",
    "lost_link_over": "{clinic}: here are your sessions: {link}",
    "stopped": (
        "{clinic}: you will get no more texts from us. Your sessions stay booked."
        " Reply START for texts again."
    ),
    "started": "{clinic}: you will get our texts again. Reply HELP for help, STOP to opt out.",
    "help": (
        "{clinic}: reply C to confirm your next session, R to change it, STOP to opt out."
        " Or call {phone}"
    ),
    "unknown": (
        "{clinic}: we have passed your message on. If it cannot wait, call {phone}."
        " In an emergency: {emergency}"
    ),
    "emergency": (
        "Call {emergency} now if you feel very unwell. Do not wait for a text."
        " {clinic} has been told: {phone}"
    ),
    "crisis": (
        "Please call {crisis} now, or {emergency} if you are in danger. You are not alone."
        " {clinic}: {phone}"
    ),
    "score_thanks": (
        "{clinic}: thank you, we have noted {score}. If you are worried, call {phone}"
    ),
    "waiting": "{clinic}: you are on our waitlist. We text you about free times. {link}",
    "offer": "{clinic}: {date}, {time} is kept for you until {until}. Want it? {link}",
    "offer_to_several": ("{clinic}: {date}, {time} is free. The first who takes it has it: {link}"),
    "which_one": "{clinic}: which session do you mean? Reply with its number. {choices}",
    "which_question": (
        "{clinic}: is {score} how you are, or a session? Reply {score}/10 for how you are,"
        " SESSION {score} for the session."
    ),
    "score_again": (
        "{clinic}: please reply with one number from 0 (no complaint) to 10 (the worst you can"
        " imagine)."
    ),
    "late_change": ("{clinic}: {date} {time} still stands. To change it, call {phone}. {link}"),
}


TEMPLATES: Mapping[str, Words] = MappingProxyType(
    {kind: Words(kind, english) for kind, english in _REMINDERS.items()}
)
"""The templates of rules, by kind and language."""

CASES: Mapping[str, Mapping[str, Words]] = MappingProxyType(
    {
        "day_before": MappingProxyType(
            {
                "later": Words("day_before_later", _LATER_DAY_BEFORE),
                "missed": Words("day_before_missed", _DAY_BEFORE_AFTER_A_MISS),
            }
        )
    }
)
"""Templates for special appointments, by kind, case and language. The tips are longer before the
first appointment, because patients react to it more often."""

REPLY_TEMPLATES: Mapping[str, Words] = MappingProxyType(
    {kind: Words(kind, english) for kind, english in _ANSWERS.items()}
)
"""The templates of messages that no rule sends, by kind and language."""

LONGEST_ADDRESS = 32
"""The length of PUBLIC_URL up to which every text with a private link fits one segment."""

COLLEAGUE = Words("colleague", "a colleague")
"""The replacement for the name of a practitioner that does not fit into a message."""


def template(templates: Mapping[str, str], *languages_wanted: str) -> str:
    """The template in the first of these languages that exists, or in English.

    KeyError without an English template.
    """
    return templates.get(languages.of(*languages_wanted).code) or templates[languages.SOURCE]


def answer(kind: str, *languages_wanted: str) -> str:
    """The template of a message that answers a patient; KeyError for an unknown kind.

    An answer may repeat a reminder, for example to ask for a confirmation once more.
    """
    return template(REPLY_TEMPLATES.get(kind) or TEMPLATES[kind], *languages_wanted)
