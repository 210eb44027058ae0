"""Words that carriers treat as opt-out or opt-in, so no template may ask for them. Pure.

A patient who replies CANCEL to cancel an appointment gets no more messages from the clinic. Only
STOP and START may appear, and only for what they do.
"""

import re

from scheduler.infra.errors import Invalid

# Twilio's lists (advanced opt-out), and the words that carriers treat alike in Spanish.
OUT = "stop stopall unsubscribe cancel end quit revoke optout"
IN = "start unstop yes"
OUT_OR_IN = (
    "alto parar pare cancelar cancela baja fin terminar detener salir sí si comenzar empezar"
)
RESERVED_WORDS = frozenset(f"{OUT} {IN} {OUT_OR_IN}".split())

_ASKS = re.compile(
    r"\b(?:reply|respond|answer|text|send|write|type|sms"
    r"|responda|responde|conteste|contesta|envíe|envía|mande|manda|escriba|escribe)\b"
    r"(?:\s+(?:back|us|with|the\s+word|con|la\s+palabra|por))*\s*:?\s*[\"'«“]?(\w+)",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b[A-ZÁÉÍÓÚÑ]{2,}\b")
_QUOTED = re.compile(r"[\"'«“](\w+)[\"'»”]")
_ABOUT_MESSAGES = re.compile(
    r"opt[ -]?out|\bstop\b|unsubscribe|\btexts?\b|\bmessages?\b|\bsms\b|baja|recibir|mensajes?",
    re.IGNORECASE,
)
_ABOUT_APPOINTMENTS = re.compile(
    r"visit|session|appointment|cancel|confirm|chang|cita|sesi[óo]n|visita|cambi|anul",
    re.IGNORECASE,
)


def check(template: str) -> None:
    """Raise Invalid for a template that asks the patient to reply a reserved word."""
    for sentence in re.split(r"[.!?]+(?:\s|$)", template):
        for word in _asked_for(sentence):
            if word.lower() in RESERVED_WORDS and not _is_notice(word, sentence):
                raise Invalid(
                    f"Carriers take {word.upper()} for a wish to get no texts, or to get them"
                    " again. Ask for C, R or a number instead.",
                    field="template",
                )


def _asked_for(sentence: str) -> list[str]:
    """The words that a sentence asks for: after "reply", in capitals or in quotes."""
    return [
        found
        for pattern in (_ASKS, _CAPITALS, _QUOTED)
        for found in pattern.findall(sentence)
        if found
    ]


def _is_notice(word: str, sentence: str) -> bool:
    """Whether the word is STOP or START and the rest of the clause is about messages only."""
    if word not in {"STOP", "START"}:
        return False
    clause = sentence.partition(word)[2].partition(",")[0]
    return bool(_ABOUT_MESSAGES.search(clause)) and not _ABOUT_APPOINTMENTS.search(clause)
