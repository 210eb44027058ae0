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

_TEXTS = r"(?:texts?|texting|messages?|messaging|msgs?|sms|reminders?)"
_THEM = rf"(?:(?:any|all|of|the|these|those|this|that|your|my|more|further|sms) ){{0,3}}{_TEXTS}"
_POLITELY = r"(?:(?:please|pls|plz|thanks|ok|okay|hi|hello|so|and|but|c|r|yes|confirm) )*"
# A wish for texts to stop is told from a report that none came, and from a question about something
# else, by its place: it opens the text, or follows on "please", "I want", "just" and their like.
_ASKED = rf"(?:^{_POLITELY}|\b(?:please|pls|plz|just|want|like|said|you|you to) )"
_CARE = r"(?:\w+ ){0,2}(?:medic\w*|meds?|pills?|tablets?|thinners?|drugs?|treatments?|course)"
_STOP_WISHES = tuple(
    map(
        re.compile,
        (
            rf"\b(?:stop|quit|end|cease) (?:\w+ ){{0,3}}{_TEXTS}\b",
            r"\bstop (?:contacting|sending|bothering|writing|calling)\b",
            rf"{_ASKED}stop (?:it|this|these|all)\b(?! {_CARE}\b)",
            r"(?<!\bget )(?<!\bgot )(?<!\bhad )(?<!\bhave )(?<!\breceived )(?<!\bgetting )"
            rf"\bno more (?:(?:calls?|emails?) (?:or|and) )?{_THEM}\b"
            r"(?! (?:came|come|arrived|yet|since|from)\b)",
            rf"{_ASKED}(?:no more )?no {_TEXTS}(?: (?:or|and) (?:calls?|emails?))?"
            r"(?: to me| for me| again| ever)?(?: please| pls| plz| thanks| thank you)*$",
            rf"\b(?:not|don't|dont) (?:want|wish) (?!to (?:miss|lose)\b)(?:\w+ ){{0,4}}{_TEXTS}\b",
            rf"\b(?:not|don't|dont) need (?:any|more|these|those|your) (?:\w+ ){{0,2}}{_TEXTS}\b",
            r"\b(?:don't|dont|do not|never) (?:ever )?(?:text|message|contact|sms"
            r"|write(?= (?:to )?(?:me|us|this|here|again|any\w*)\b|$))\b(?! back\b)",
            r"\b(?:opt|opting|opted) (?:me )?out\b",
            r"\bunsubscribe\b",
            r"\b(?:remove me|take me off|leave me alone|remove my number)\b",
            # Whoever tells us that a number was taken down wrongly is a patient.
            r"^(?!.*\b(?:gave|given|typed|put|wrote|entered|form|file|chart|i called)\b)"
            r".*\bwrong number\b(?! (?:was|on|in|for)\b)",
            r"\bno (?:me )?(?:escrib\w+|mand\w+|envi\w+|contact\w+)\b",
            r"\bno (?:(?:quiero|deseo) )(?:recibir )?(?:mas )?(?:sus |estos )?"
            r"(?:mensajes|sms|textos)\b",
            r"^(?:por favor )?no (?:recibir )?(?:mas )?(?:mensajes|sms|textos)"
            r"(?: por favor| gracias)*$",
            r"\bno mas (?:mensajes|sms|textos)\b",
            r"^no mas$",
            r"\bdej(?:e|en|a) de (?:escrib|mand|envi|contact|molest)\w*",
            r"\b(?:dar|darme|deme|denme|dame) de baja\b",
        ),
    )
)

_EMERGENCY = re.compile(
    r"\b(?:"
    r"breathless\w*|short(?:ness)? of breath|out of breath|(?:lost|losing) my breath"
    r"|(?:can't|cant|cannot|can not|couldn't|unable to) (?:\w+ ){0,3}breath\w*"
    r"|(?:hard|hardly|difficult|trouble|difficulty|struggl\w+|problems?|gasping|fighting)"
    r" (?:\w+ ){0,3}(?:breath\w*|air)"
    r"|breath\w* (?:\w+ ){0,3}(?:hard|harder|bad|badly|worse|difficult|painful|trouble|problems?"
    r"|fast|hurts?|shallow|short|laboured|labored)"
    r"|(?:bad|painful|shallow|laboured|labored|fast|hurts?) (?:\w+ ){0,2}breath\w*"
    r"|pneumothorax|(?:collapsed|punctured) lung|lung (?:\w+ ){0,2}(?:collapsed|punctured)"
    r"|chest (?:\w+ ){0,2}(?:pains?|hurts?|hurting|tight\w*|pressure)"
    r"|(?:pains?|tightness|pressure|hurts?) (?:\w+ ){0,3}chest|tight chest"
    r"|faint|fainted|fainting|passed out|pass out|passing out|blacked out|collapsed|unconscious"
    r"|fever\w*|(?:high|my|a|running|raised) temperature|temperature of|chills"
    r"|redness|red streaks?|spreading red|infected|infection|pus"
    r"|red (?:\w+ ){0,4}(?:spread\w*|bigger|hot|swollen|growing)|spreading (?:\w+ ){0,4}red"
    r"|(?:leg|arm|hand|foot|face|side|legs|arms|hands|feet) (?:\w+ ){0,3}weak"
    r"|weak (?:\w+ ){0,2}(?:legs?|arms?|hands?|foot|feet|face|side)"
    r"|weakness|numb|numbness|paralys\w*|paralyz\w*|can't (?:move|feel|see|speak)"
    r"|seizures?|stroke|heart attack|cough\w* blood"
    r"|(?:won't|wont|doesn't|not) stop bleeding|bleeding (?:\w+ ){0,3}(?:won't|wont|not) stop"
    r"|bleeding (?:a lot|heavily|badly)"
    r"|broken needle|needle (?:\w+ ){0,3}(?:broke\w*|stuck|inside|left in)"
    r"|call(?:ed|ing)? 911|ambulance|suicid\w*|kill myself"
    r"|falta (?:de |el |me )*(?:aire|aliento)|(?:no puedo|cuesta|dificultad \w+|problemas? \w+"
    r"|trabajo|mal|dificil|duele|no logro|apenas puedo) (?:\w+ )?respirar"
    r"|recuperar (?:el )?aliento"
    r"|respir\w+ (?:\w+ ){0,3}(?:mal|dificil|dificultad|cuesta|duele)|respiro (?:muy )?(?:mal|poco)"
    r"|(?:no|sin) (?:\w+ ){0,2}(?:aliento|aire)|neumotorax|pulmon colapsado"
    r"|ahog\w+|dolor (?:de|en el) pecho|(?:duele|aprieta) el pecho"
    r"|desmay\w+|perdi el conocimiento|fiebre|calentura|tengo temperatura|escalofrios"
    r"|enrojecimiento|rojez|infeccion|infectad\w+"
    r"|(?:piel|zona|herida) (?:\w+ ){0,3}(?:roja|extiende|extendiendo)"
    r"|roj[oa]s? (?:\w+ ){0,4}(?:extiend\w+|crec\w+)"
    r"|debilidad|(?:pierna|brazo|mano|pie|cara)s? (?:\w+ ){0,3}debil(?:es)?"
    r"|entumec\w+|adormecid\w+|convulsion\w*|ambulancia|sangr\w+ mucho"
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
