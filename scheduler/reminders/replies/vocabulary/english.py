"""English replies. Pure.

The list of emergencies is generous: breathlessness, chest pain, fainting, fever, spreading redness,
weakness, numbness, and the other warning signs of the leaflet. "No chest pain" counts too, because
an unnecessary emergency number does no harm.
"""

from scheduler.reminders.replies.vocabulary.words import Every, Vocabulary

_TEXTS = r"(?:texts?|texting|messages?|messaging|msgs?|sms|reminders?|notifications?|spam\w*)"
_THEM = rf"(?:(?:any|all|of|the|these|those|this|that|your|my|more|further|sms) ){{0,3}}{_TEXTS}"
_POLITELY = r"(?:(?:please|pls|plz|thanks|ok|okay|hi|hello|so|and|but|c|r|yes|confirm) )*"
# The position of an opt-out distinguishes it from a complaint about missing texts and from a
# question: it opens the text, or follows "please", "I want", "just" and similar words.
_ASKED = rf"(?:^{_POLITELY}|\b(?:please|pls|plz|just|want|like|said|you|you to) )"
_CARE = r"(?:\w+ ){0,2}(?:medic\w*|meds?|pills?|tablets?|thinners?|drugs?|treatments?|course)"
# "Do not stop", "why did you stop": the opposite of a wish, or a question.
_NOT_MEANT = r"(?<!dont )(?<!do not )(?<!never )(?<!did you )(?<!didnt )(?<!did they )(?<!did not )"
_PART = r"(?:arms?|legs?|hands?|foot|feet|face|fingers?|toes?|neck|shoulders?|side|body|it)"
_SESSION = (
    r"(?:appointments?|appts?|apts?|app|sessions?|visits?|bookings?|times?|days?|dates?|slots?"
    r"|treatments?)"
)

ENGLISH = Vocabulary(
    polite=frozenset(
        {"please", "pls", "plz", "thanks", "thank", "you", "thx", "ty", "hi", "hello", "hey", "now"}
    ),
    thanks=frozenset(
        {
            *("thanks", "thank you", "thank you so much", "thank you very much", "many thanks"),
            *("thx", "ty", "tysm", "thanks a lot", "great thanks"),
        }
    ),
    confirm=frozenset(
        {
            *("c", "confirm", "confirmed", "confirming", "i confirm", "confirm c", "c confirm"),
            *("reply c", "yes confirm", "yes i confirm", "1 c", "c yes", "yes c", "ok c", "c ok"),
            *("i am confirming", "im confirming", "yes confirmed", "cc", "c c", "conf"),
        }
    ),
    agree=frozenset(
        {
            *("yes", "y", "yep", "yeah", "yup", "ya", "yes yes", "ok", "okay", "k", "ok yes"),
            *("yes ok", "sure", "ok sure", "yes sure", "of course", "absolutely", "sounds good"),
        }
    ),
    change=frozenset(
        {
            *("r", "reschedule", "rescheduling", "resched", "change", "r change", "r reschedule"),
            *("reply r", "move", "postpone", "r r", "rr", "yes r", "change time", "change it"),
        }
    ),
    change_wishes=(
        rf"\b(?:postpone|move|change|switch|swap|push) (?:\w+ ){{0,4}}{_SESSION}\b",
        r"\b(?:need|want|have|like|wish|going|hoping|must|can i|could i|can we|could we|how do i)"
        r" (?:to )?(?:please )?(?:reschedule|change|move|postpone)\b",
        r"\breschedul\w*\b",
        # Alone it is the carriers' word for opting out; with others it is about the session.
        r"\bcancel(?:ling|ing|led|ed|lation|ation)?\b",
        r"\b(?:cant|cannot|can not|wont|will not|unable to|not able to|wont be able to|couldnt)"
        r" (?:\w+ )?(?:come|attend|be there|make (?:it|my|the|our|this|that|to|mon|tue|wed|thu|fri"
        r"|sat|sun|tomorrow|today))",
        r"\b(?:another|different|an? (?:earlier|later)) (?:time|day|date|appointment|session)\b",
        r"\b(?:not|wont be) (?:coming|attending)\b",
        r"\bskip (?:my|the|this|tomorrow\w*|today\w*|next)\b",
    ),
    # The carriers' own words, which block a number whatever this program does, and similar ones.
    stop_words=frozenset(
        {
            *("stop", "stopall", "unsubscribe", "end", "quit", "revoke", "optout", "cancel"),
            *("stopp", "unsub", "remove", "stop all", "stop2end", "unsubscribed"),
        }
    ),
    stop_wishes=(
        rf"{_NOT_MEANT}\b(?:stop|quit|end|cease|cancel|discontinue) (?:\w+ ){{0,3}}{_TEXTS}\b",
        rf"{_NOT_MEANT}\b(?:stop|quit|cease) (?:contacting|sending|bothering|writing|calling"
        r"|spamming|harassing)\b",
        rf"{_ASKED}stop (?:it|this|these|all)\b(?! {_CARE}\b)",
        r"(?<!\bget )(?<!\bgot )(?<!\bhad )(?<!\bhave )(?<!\breceived )(?<!\bgetting )"
        rf"\bno more (?:(?:calls?|emails?) (?:or|and) )?{_THEM}\b"
        r"(?! (?:came|come|arrived|yet|since|from)\b)",
        rf"{_ASKED}(?:no more )?no {_TEXTS}(?: (?:or|and) (?:calls?|emails?))?"
        r"(?: to me| for me| again| ever)?(?: please| pls| plz| thanks| thank you)*$",
        rf"\b(?:not|dont) (?:want|wish) (?!to (?:miss|lose)\b)(?:\w+ ){{0,4}}{_TEXTS}\b",
        rf"\b(?:not|dont) need (?:any|more|these|those|your) (?:\w+ ){{0,2}}{_TEXTS}\b",
        r"\b(?:dont|do not|never) (?:ever )?(?:text|message|contact|sms"
        r"|write(?= (?:to )?(?:me|us|this|here|again|any\w*)\b|$))\b(?! back\b)",
        r"\b(?:dont|do not|never) (?:ever )?send (?:me )?(?:any|more|these|those|this)\b",
        r"\b(?:opt|opting|opted) (?:me )?out\b",
        r"\bunsubscribe\b",
        r"\b(?:remove me|take me off|leave me alone|remove my number|lose my number)\b",
        # A report that the clinic wrote down a wrong number comes from a patient.
        r"^(?!.*\b(?:gave|given|typed|put|wrote|entered|form|file|chart|i called)\b)"
        r".*\bwrong number\b(?! (?:was|on|in|for)\b)",
    ),
    start=frozenset(
        {"start", "unstop", "resume", "restart", "start again", "start texts", "opt in", "optin"}
    ),
    help=frozenset({"help", "help me", "info", "i need help", "need help", "more info"}),
    dangers=(
        r"breathless\w*|breathles|short(?:ness)? of (?:breath\w*|air)|out of breath",
        r"(?:lost|losing) my breath|gasping|suffocat\w*|choking|wheez\w*",
        r"(?:cant|cannot|can not|couldnt|unable to|not able to|barely|hardly|cannt)"
        r" (?:\w+ ){0,3}breath\w*",
        r"(?:hard|hardly|difficult|trouble|difficulty|struggl\w+|problems?|issues?|gasping"
        r"|fighting) (?:\w+ ){0,3}(?:breath\w*|air)",
        r"breath\w* (?:\w+ ){0,3}(?:hard|harder|bad|badly|worse|difficult\w*|painful|trouble"
        r"|problems?|issues?|fast|hurts?|shallow|short|laboured|labored)",
        r"(?:bad|painful|shallow|laboured|labored|fast|hurts?) (?:\w+ ){0,2}breath\w*",
        r"pneumothorax|(?:collapsed|punctured) lung|lung (?:\w+ ){0,2}(?:collapsed|punctured)",
        r"chest (?:\w+ ){0,3}(?:pains?|hurts?|hurting|tight\w*|pressure|aches?|aching|discomfort"
        r"|heavy|heaviness|burn\w*|sore)",
        r"(?:pains?|tight\w*|pressure|hurts?|aches?|discomfort|heaviness) (?:\w+ ){0,4}chest",
        # Dictated, or typed without a space. "Chess" alone is a game.
        r"chess (?:pains?|hurts?|tight\w*)|(?:pains?|tight\w*|pressure) in my chess|chestpains?",
        r"(?:cant|cannot)breathe?",
        r"heart attack|heart (?:\w+ ){0,2}(?:racing|pounding)|palpitations",
        r"faint|fainted|fainting|fainty|pass(?:ed|ing|es)? out|black(?:ed|ing)? out|collapsed",
        r"unconscious|(?:lost|loss of|losing) consciousness",
        r"fever\w*|feaver|(?:high|my|a|running|raised) temperature|temperature of|chills|shivering",
        r"redness|reddening|red (?:streaks?|lines?)|spreading red|infected|infection|pus",
        r"red (?:\w+ ){0,4}(?:spread\w*|bigger|hot|swollen|growing)|spreading (?:\w+ ){0,4}red",
        r"weak(?:er|ness|ened)?|paraly[sz]\w*|paralis\w*",
        r"numb(?:ness|ing|ed)?|(?:no|lost|losing|loss of) (?:all )?(?:feeling|sensation)",
        rf"cant (?:feel|move|lift) (?:my|the|his|her|an?|any) (?:\w+ )?{_PART}",
        r"cant (?:move|feel|see|speak|talk|walk)(?: (?:anything|well|properly|right|at all))?$",
        r"cant (?:see|speak|talk|walk) (?:anything|well|properly|right|at all)",
        r"seizures?|stroke|cough\w* (?:\w+ ){0,2}blood|face (?:\w+ ){0,2}droop\w*",
        r"(?:wont|doesnt|not) stop bleeding|bleeding (?:\w+ ){0,3}(?:wont|not) stop",
        r"bleeding (?:\w+ )?(?:a lot|heavily|badly)",
        r"broken needle|needle (?:\w+ ){0,3}(?:broke\w*|stuck|inside|left in)",
        r"call(?:ed|ing)? 911|ambulance|suicid\w*|kill myself",
    ),
    danger_words=frozenset(
        {
            *("ambulance", "attack", "breath", "breathe", "breathing", "breathless", "cant"),
            *("chest", "chills", "choking", "collapsed", "consciousness", "faint", "fainted"),
            *("fainting", "fever", "feverish", "gasping", "hurts", "infected", "infection"),
            *("numb", "numbness", "pain", "palpitations", "paralised", "paralysed"),
            *("paralyzed", "pressure"),
            *("redness", "seizure", "shortness", "stroke", "suffocating", "swollen"),
            *("temperature", "tightness", "trouble", "unconscious", "weak", "weaker"),
            *("weakness", "wheezing"),
        }
    ),
    unlike_danger=frozenset(
        {
            *("never", "every", "ever", "fewer", "freer", "lever", "sever", "hours", "hunts"),
            *("shuts", "huts", "faith", "saint", "paint", "painting", "painted", "flint"),
            *("taint", "tainted", "aint", "wake", "walker", "weaver", "wearer", "strike"),
            *("stoke", "stoked", "stokes", "hills", "chill", "chilly", "chilli", "chiles"),
            *("childs", "cooking", "hooking", "echoing", "cheat", "chess", "crest", "chefs"),
            *("heist", "aches", "breast", "breach", "breaching", "breadth", "wreath"),
            *("injection", "injected", "infested", "grasping", "gaping", "redress", "collapse"),
            *("conscious", "consciously", "subconscious", "attach", "wheeling", "hurt"),
        }
    ),
    numbers={
        word: number
        for number, word in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
        )
    },
    ordinals={
        word: number
        for number, words in enumerate(
            (("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th")), start=1
        )
        for word in words
    },
    beside_numbers=frozenset(
        {
            *("about", "a", "an", "around", "maybe", "my", "is", "its", "it", "id", "say", "im"),
            *("today", "now", "level", "like", "probably", "still", "number", "the", "roughly"),
            *("approx", "approximately", "i", "would", "think", "guess", "just", "only", "ok"),
            *("okay", "yes", "thanks", "thank", "you", "please", "or", "to", "and", "between"),
            *("almost", "nearly", "hi", "hello", "feel", "feeling", "one"),
        }
    ),
    of_ten=r"/|out of|of|over",
    says_pain=frozenset({"score", "pain", "level"}),
    says_choice=frozenset({"session", "option", "choice", "appointment"}),
    every={
        **dict.fromkeys(
            ("both", "both of them", "both sessions", "both times", "yes both", "confirm both"),
            Every(2),
        ),
        **dict.fromkeys(
            ("all", "all of them", "all sessions", "all times", "yes all", "confirm all"),
            Every(),
        ),
        "all three": Every(3),
    },
)
