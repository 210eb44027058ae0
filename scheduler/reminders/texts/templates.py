"""What the texts say, by kind and language. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from scheduler.reminders.wording import language_of

_REMINDERS_EN = {
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
        "{clinic}: how are you today? Reply with a number: 0 = no complaint, 10 = the worst"
        " you can imagine. Questions? {phone}"
    ),
    "moved": "{clinic}: session {number} is now on {date}, {time}. All your times: {link}",
    "cancelled": "{clinic}: {date}, {time} is cancelled, please do not come. Your times: {link}",
}
_REMINDERS_ES = {
    "confirmation": (
        "{clinic}: reserva hecha. Cita {number} de {total}: {date}, {time}. Le avisaremos antes de"
        " cada una. Responda R: cambiar, STOP: no más SMS."
    ),
    "day_before": (
        "{clinic}: {date} {time}. Coma algo unas 2 horas antes; levántese despacio al acabar."
        " Responda C: confirmar, R: cambiar, STOP: baja."
    ),
    "same_day": (
        "{clinic}: {date} {time}. Coma algo antes de las {eat_by}, nada pesado, y venga con"
        " ropa cómoda. ¿Preguntas? {phone}"
    ),
    "aftercare": (
        "{clinic}: levántese despacio. Cansancio, molestias o un moratón un día: normal. Ahogo,"
        " dolor de pecho, fiebre o rojez que crece: {emergency}"
    ),
    "check_in": (
        "{clinic}: ¿cómo está hoy? Responda con un número: 0 = ninguna molestia, 10 = la peor"
        " imaginable. ¿Preguntas? {phone}"
    ),
    "moved": "{clinic}: la cita {number} es ahora el {date}, {time}. Todas sus citas: {link}",
    "cancelled": "{clinic}: se anula la cita del {date}, {time}; no venga. Sus citas: {link}",
}

_ANSWERS_EN = {
    "code": "{clinic}: your code is {code}. It is good for 10 minutes. Do not tell it to anyone.",
    "confirmed": "{clinic}: thank you, {date} {time} is confirmed. To change it reply R.",
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
    "reschedule": "{clinic}: see and change your sessions here: {link}",
    "stopped": (
        "{clinic}: you will get no more texts from us. Your sessions stay booked."
        " Reply START for texts again."
    ),
    "started": "{clinic}: you will get our texts again. Reply HELP for help, STOP to opt out.",
    "help": (
        "{clinic}: reply C to confirm your next session, R to change it, STOP to opt out."
        " Or call {phone}"
    ),
    "unknown": "{clinic}: we have passed your message on. If it cannot wait, call {phone}",
    "emergency": (
        "Call {emergency} now if you feel very unwell. Do not wait for a text."
        " {clinic} has been told: {phone}"
    ),
    "score_thanks": (
        "{clinic}: thank you, we have noted {score}. If you are worried, call {phone}"
    ),
    "which_one": "{clinic}: which session do you mean? Reply with its number. {choices}",
}
_ANSWERS_ES = {
    "code": "{clinic}: su código es {code}. Vale 10 minutos. No se lo diga a nadie.",
    "confirmed": "{clinic}: gracias, {date} {time} queda confirmada. Para cambiarla responda R.",
    "held": (
        "{clinic}: hemos guardado sus citas. Un profesional mira antes sus respuestas y le"
        " avisamos. ¿Preguntas? {phone}"
    ),
    "declined": "{clinic}: no podemos mantener las citas que pidió. Llámenos, por favor: {phone}",
    "nothing_to_confirm": "{clinic}: no hay ninguna cita por confirmar. Si la esperaba: {phone}",
    "reschedule": "{clinic}: vea y cambie sus citas aquí: {link}",
    "stopped": (
        "{clinic}: no recibirá más SMS. Sus citas siguen reservadas."
        " Responda START para volver a recibirlos."
    ),
    "started": "{clinic}: volverá a recibir nuestros SMS. HELP: ayuda, STOP: no recibir más.",
    "help": (
        "{clinic}: responda C para confirmar su próxima cita, R para cambiarla, STOP para no"
        " recibir más. Tel. {phone}"
    ),
    "unknown": "{clinic}: hemos pasado su mensaje. Si no puede esperar, llame al {phone}",
    "emergency": (
        "Llame ya al {emergency} si se siente muy mal. No espere un SMS."
        " {clinic} ha sido avisada: {phone}"
    ),
    "score_thanks": "{clinic}: gracias, anotamos {score}. Si algo le preocupa, llame al {phone}",
    "which_one": "{clinic}: ¿a qué cita se refiere? Responda con su número. {choices}",
}

TEMPLATES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        kind: MappingProxyType({"en": _REMINDERS_EN[kind], "es": _REMINDERS_ES[kind]})
        for kind in _REMINDERS_EN
    }
)
"""The texts that rules send: kind, then language."""

ANSWERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        kind: MappingProxyType({"en": _ANSWERS_EN[kind], "es": _ANSWERS_ES[kind]})
        for kind in _ANSWERS_EN
    }
)
"""The texts that answer an act of the patient: kind, then language."""


def template(templates: Mapping[str, str], language: str) -> str:
    """The wording in a language, or in English where there is none. No English: KeyError."""
    return templates.get(language_of(language).code) or templates["en"]


def answer(kind: str, language: str) -> str:
    """The template that answers an act of the patient. No such kind: KeyError."""
    return template(ANSWERS[kind], language)
