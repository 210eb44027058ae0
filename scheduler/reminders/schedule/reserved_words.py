"""Words that carriers take for opting out or in: no text may ask for one as an answer. Pure.

A patient who is told to reply CANCEL to cancel a visit, and does, gets no text from the clinic any
more. Only STOP and START may be named, and only for what they do.
"""

import re

from scheduler.infra.errors import Invalid

# The carrier's own lists (Twilio, advanced opt-out), and what carriers take in Spanish.
OUT = "stop stopall unsubscribe cancel end quit revoke optout"
IN = "start unstop yes"
SPANISH = "alto parar pare cancelar cancela baja fin terminar detener salir sí si comenzar empezar"
WORDS = frozenset(f"{OUT} {IN} {SPANISH}".split())

_ASKS = re.compile(
    r"\b(?:reply|respond|answer|text|send|write|type|sms"
    r"|responda|responde|conteste|contesta|envíe|envía|mande|manda|escriba|escribe)\b"
    r"(?:\s+(?:back|us|with|the\s+word|con|la\s+palabra|por))*\s*:?\s*[\"'«“]?(\w+)",
    re.IGNORECASE,
)
_LOUD = re.compile(r"\b[A-ZÁÉÍÓÚÑ]{2,}\b")
_QUOTED = re.compile(r"[\"'«“](\w+)[\"'»”]")
_ABOUT_TEXTS = re.compile(
    r"opt[ -]?out|\bstop\b|unsubscribe|\btexts?\b|\bmessages?\b|\bsms\b|baja|recibir|mensajes?",
    re.IGNORECASE,
)
_ABOUT_VISITS = re.compile(
    r"visit|session|appointment|cancel|confirm|chang|cita|sesi[óo]n|visita|cambi|anul",
    re.IGNORECASE,
)


def check(template: str) -> None:
    """Unfit for a template that asks for a word which carriers act upon themselves."""
    for sentence in re.split(r"[.!?]+(?:\s|$)", template):
        for word in _asked_for(sentence):
            if word.lower() in WORDS and not _is_notice(word, sentence):
                raise Invalid(
                    f"Carriers take {word.upper()} for a wish to get no texts, or to get them"
                    " again. Ask for C, R or a number instead.",
                    field="template",
                )


def _asked_for(sentence: str) -> list[str]:
    """Words that a sentence asks to reply: after "reply", in capitals or between quotes."""
    return [
        found for pattern in (_ASKS, _LOUD, _QUOTED) for found in pattern.findall(sentence) if found
    ]


def _is_notice(word: str, sentence: str) -> bool:
    """Whether it is STOP or START, said of texts and of nothing else up to the next comma."""
    if word not in {"STOP", "START"}:
        return False
    said = sentence.partition(word)[2].partition(",")[0]
    return bool(_ABOUT_TEXTS.search(said)) and not _ABOUT_VISITS.search(said)
