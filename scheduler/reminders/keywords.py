"""What a patient's text means, as far as a program may decide; the rest goes to people. Pure."""

import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple

LONGEST = 1600
"""Characters that are read: no carrier passes on more."""


class Meaning(StrEnum):
    """What somebody wants. `UNCLEAR` is for staff to read; a `REACTION` needs no answer at all."""

    CONFIRM = "confirm"
    RESCHEDULE = "reschedule"
    STOP = "stop"
    START = "start"
    HELP = "help"
    SCORE = "score"
    EMERGENCY = "emergency"
    REACTION = "reaction"
    UNCLEAR = "unclear"


class Understood(NamedTuple):
    """A meaning; the number of a SCORE, 0 to 10; whether an EMERGENCY also asks for no texts.

    A number may as well answer a question of ours (which session?): the asker knows.
    """

    meaning: Meaning
    score: int | None = None
    also_stop: bool = False


def understand(body: str) -> Understood:
    """Read a text in English or Spanish, whatever its case, accents and punctuation.

    An emergency comes before all else, and it is better to see one too many than to miss one.
    A wish for no more texts comes next: the law wants any clear wording of it honoured.
    """
    text = _normal(body)
    if _REACTION.match(text):
        return Understood(Meaning.REACTION)
    words = re.findall(r"[a-z0-9']+", text)
    phrase = " ".join(words)
    stop = _wants_no_texts(words, phrase)
    if _EMERGENCY.search(phrase):
        return Understood(Meaning.EMERGENCY, also_stop=stop)
    if stop:
        return Understood(Meaning.STOP)
    score = _SCORE.fullmatch(text.strip(" .!"))
    if score and int(score[1]) <= 10:
        return Understood(Meaning.SCORE, score=int(score[1]))
    if text.strip() in {"?", "??"}:
        return Understood(Meaning.HELP)
    return Understood(_COMMANDS.get(_without_politeness(words), Meaning.UNCLEAR))


def _normal(body: str) -> str:
    short = body[:LONGEST].replace("’", "'").replace("‘", "'")
    folded = unicodedata.normalize("NFKD", short).casefold()
    return "".join(sign for sign in folded if not unicodedata.combining(sign)).strip()


def _wants_no_texts(words: list[str], phrase: str) -> bool:
    rest = [word for word in words if word not in _POLITE]
    alone = any(word in _STOP_WORDS for word in rest) and all(
        word in _STOP_WORDS or word in _COMMANDS for word in rest
    )
    return alone or any(pattern.search(phrase) for pattern in _STOP_WISHES)


def _without_politeness(words: list[str]) -> str:
    return " ".join(word for word in words if word not in _POLITE)


_POLITE = frozenset(
    {
        *("please", "pls", "plz", "thanks", "thank", "you", "thx", "hi", "hello", "now"),
        *("por", "favor", "gracias", "hola"),
    }
)

# The carriers' own words, which block a number whether we like it or not, and their Spanish kin.
_STOP_WORDS = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "end", "quit", "revoke", "optout", "cancel"),
        *("stopp", "unsub", "remove", "alto", "basta", "parar", "baja"),
    }
)

_TEXTS = r"(?:text|texts|texting|message|messages|messaging|msg|msgs|sms|reminders)"
_STOP_WISHES = tuple(
    map(
        re.compile,
        (
            rf"\b(?:stop|quit|end|cease) (?:\w+ ){{0,3}}{_TEXTS}\b",
            r"\bstop (?:contacting|sending|bothering|writing|it|this|these|all)\b",
            rf"\b(?:no|no more|not want|don't want|dont want) (?:\w+ ){{0,3}}{_TEXTS}\b",
            r"\b(?:don't|dont|do not|never) (?:ever )?(?:text|message|contact|sms|write)\b",
            r"\b(?:opt|opting|opted) (?:me )?out\b",
            r"\bunsubscribe\b",
            r"\b(?:remove me|take me off|leave me alone|remove my number|wrong number)\b",
            r"\bno (?:me )?(?:escrib\w+|mand\w+|envi\w+|contact\w+)\b",
            r"\bno (?:quiero |deseo |recibir )*(?:mas )?(?:mensajes|sms|textos)\b",
            r"^no mas$",
            r"\bdej(?:e|en|a) de (?:escrib|mand|envi|contact|molest)\w*",
            r"\b(?:dar|darme|deme|denme|dame) de baja\b",
        ),
    )
)

_EMERGENCY = re.compile(
    r"\b(?:"
    r"breathless\w*|short(?:ness)? of breath|out of breath|(?:can't|cant|cannot|can not) breathe?"
    r"|(?:hard|difficult|trouble|difficulty|struggling|problems?) (?:to )?breath\w*"
    r"|chest (?:\w+ ){0,2}(?:pains?|hurts?|hurting|tight\w*|pressure)"
    r"|(?:pains?|tightness|pressure|hurts?) (?:\w+ ){0,3}chest|tight chest"
    r"|faint|fainted|fainting|passed out|pass out|passing out|blacked out|collapsed|unconscious"
    r"|fever\w*|(?:high|my) temperature|chills"
    r"|redness|red streaks?|spreading red|infected|infection|pus"
    r"|weakness|numb|numbness|paralys\w*|paralyz\w*|can't (?:move|feel|see|speak)"
    r"|seizures?|stroke|heart attack|cough\w* blood"
    r"|(?:won't|wont|doesn't|not) stop bleeding|bleeding (?:\w+ ){0,3}(?:won't|wont|not) stop"
    r"|bleeding (?:a lot|heavily|badly)"
    r"|broken needle|needle (?:\w+ ){0,3}(?:broke\w*|stuck|inside|left in)"
    r"|call(?:ed|ing)? 911|ambulance|suicid\w*|kill myself"
    r"|falta (?:de |el |me )*(?:aire|aliento)|(?:no puedo|me cuesta|dificultad \w+) respirar"
    r"|ahog\w+|dolor (?:de|en el) pecho|(?:duele|aprieta) el pecho"
    r"|desmay\w+|perdi el conocimiento|fiebre|escalofrios|enrojecimiento|rojez|infeccion"
    r"|debilidad|entumec\w+|adormecid\w+|convulsion\w*|ambulancia|sangr\w+ mucho"
    r")\b"
)

# Phones send a thumbs-up as a text that quotes ours, warning signs and all.
_REACTION = re.compile(
    r"(?:liked|loved|disliked|laughed at|emphasized|questioned|reacted .{1,30} to"
    r"|removed an? .{1,30} from|me gusto|me gusta|le gusto|le encanto|reacciono .{1,30})"
    r"\s*[:a]?\s*[\"“«].*[\"”»]?$",
    re.DOTALL,
)

_SCORE = re.compile(
    r"(?:(?:my )?(?:score|pain|number|dolor|numero|it'?s|its|about|un|a|es)[ :=]*(?:is |es )?)?"
    r"(\d{1,2})(?: ?(?:/|out of|of|de) ?10)?"
)

_COMMANDS = {
    **dict.fromkeys(
        (
            *("c", "confirm", "confirmed", "confirming", "i confirm", "confirm c", "c confirm"),
            *("reply c", "yes", "y", "yes confirm", "yes i confirm", "ok", "okay", "1 c"),
            *("confirmo", "confirmar", "confirmado", "confirmada", "si", "si confirmo", "vale"),
        ),
        Meaning.CONFIRM,
    ),
    **dict.fromkeys(
        (
            *("r", "reschedule", "rescheduling", "change", "r change", "r reschedule", "reply r"),
            *("move", "cambiar", "cambio", "cambiar cita", "reprogramar", "cancelar"),
            *("cancel appointment", "cancel my appointment", "cancel session", "cancel my session"),
            *("cancel my visit", "cancelar cita", "cancelar mi cita", "i need to reschedule"),
            *("need to reschedule", "change my appointment", "change my session", "can't come"),
            *("can't make it", "cant make it", "i can't make it", "i cant make it"),
            *("i can't come", "no puedo ir", "no puedo venir"),
        ),
        Meaning.RESCHEDULE,
    ),
    **dict.fromkeys(("start", "unstop", "resume", "restart", "empezar", "alta"), Meaning.START),
    **dict.fromkeys(("help", "help me", "info", "ayuda", "informacion"), Meaning.HELP),
}
