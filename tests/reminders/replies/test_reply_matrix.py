"""The matrix of replies: what patients write, in either language, and how it is read.

UNCLEAR replies go before staff, so ambiguous ones belong there. A longer text never opts out by
chance, and a wish to cancel an appointment is no opt-out: carriers treat only the single word
CANCEL as one (and block the number, whatever this program does).
"""

import pytest

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading.intent import parse


def _texts(lines: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in lines.split("|"))


CONFIRM = {
    "en": _texts("""
        C | c | C. | c! | C, | C!!! | 'C' | «C» | [C] | *C* | _c_ | c:) | C 👍 | 👍 C | C ✅ | Ｃ |
        Ⓒ | С | CC | C thanks | Hi, C please | confirm | CONFIRM. | Confirmed! | I confirm |
        Confirm, thank you | yes confirm | Yes, I confirm | reply C | C, see you then |
        C - and my son comes too | yes | Yes. | YES!! | yesss | y | Y | yep | Yeah | yup | ok |
        OK. | okay | Ok! | k | sure | ok, yes | Yes please | ok 👍 | sounds good | of course |
        ok thanks
    """),
    "es": _texts("""
        Sí | si | SI | ¡Sí! | sí. | sí, gracias | si si | vale | Vale! | claro | Confirmo |
        CONFIRMO | confirmado | Confirmada. | confirmar | Sí, confirmo | c por favor |
        confirmo mi cita | Hola, confirmo la cita | de acuerdo | perfecto | claro que sí |
        vale gracias
    """),
}

RESCHEDULE = {
    "en": _texts("""
        R | r | R. | r! | Ｒ | R please | R 🙏 | reschedule | RESCHEDULE | Reschedule? | change |
        move | R, Tuesday does not work | I need to reschedule | can I reschedule? |
        I have to cancel | cancel my appointment Tuesday | Please cancel my session tomorrow |
        Cancel tomorrow | need to cancel | I want to change my appointment | Can we move it to 5? |
        can I change the time | can't make it | Cant make it tomorrow | I cannot come |
        I can’t come | I won't be able to make it | unable to attend | not coming |
        I need another day | Could we do a different time? |
        Is an earlier time free, can I change? | postpone please | cancelling today sorry |
        Sorry, have to skip tomorrow | I canceled by phone already
    """),
    "es": _texts("""
        Cambiar | cambio | cancelar | Cancelar cita | quiero cambiar | Quiero cancelar mi cita |
        no puedo ir | No puedo ir mañana | no puedo venir | no podré asistir | No voy a poder ir |
        necesito cambiar la hora | ¿Puedo cambiar la cita? | otra hora por favor | otro día |
        reprogramar | quiero reprogramar mi sesión | no llego | anular la cita | no iré mañana |
        mover la cita | Cambien mi cita por favor | me gustaría cambiarla
    """),
}

STOP = {
    "en": _texts("""
        STOP | stop | Stop. | stop! | STOP STOP | stop all | STOPALL | S T O P | S.T.O.P. |
        ＳＴＯＰ | stopppp | 🛑 STOP | stop please | Please, stop. | "STOP" | END | end | End. |
        quit | CANCEL | cancel. |  unsubscribe | UNSUBSCRIBE! | revoke | optout |
        opt out | Opt-out | opt me out | please stop texting me | C STOP | quit sending these |
        stop sending me reminders | Stop these texts | stop with the messages | don't text me |
        Dont text me anymore | do not message me | never contact me again | no more texts |
        No more messages! | I want no more reminders | no texts please | I don't want these texts |
        I do not want to get any messages | cancel the texts | take me off this list | remove me |
        remove my number | leave me alone | wrong number | STOP! you have the wrong number |
        please end these messages | don't send me any more | Would you kindly stop messaging me |
        unsubscribe me from everything | ok stop | stop, thx
    """),
    "es": _texts("""
        ALTO | alto. | basta | ¡Basta ya! | baja | BAJA | parar | pare | Paren por favor |
        no más mensajes | No mas mensajes | NO MÁS | no más sms | no quiero más mensajes |
        No quiero recibir mensajes | ya no quiero mensajes | ya no me manden mensajes |
        dejen de escribirme | deje de mandarme mensajes | No me escriban | no me manden nada |
        no me envíen más textos | darme de baja | quiero darme de baja | denme de baja |
        paren de mandar mensajes | cancelen los mensajes | no me contacten | número equivocado |
        se equivocó de número | por favor no más recordatorios | no me molesten
    """),
}

START = {
    "en": _texts("""
        START | start | Start. | UNSTOP | unstop please | resume | restart | start again | opt in
    """),
    "es": _texts("""
        empezar | Empezar! | alta | iniciar | reanudar | comenzar
    """),
}

HELP = {
    "en": _texts("""
        HELP | help | help! | Help? | Help please | info | INFO | ? | ?? | I need help
    """),
    "es": _texts("""
        ayuda | ¡Ayuda! | AYUDA por favor | información | necesito ayuda
    """),
}

EMERGENCY = {
    "en": _texts("""
        breathless | I am short of breath | can't breathe | I cant breath | cannot breathe well |
        hard to breathe | trouble breathing since last night | struggling to breathe | gasping |
        chest pain | CHEST PAIN!! | my chest hurts | tight chest | pressure on my chest |
        sharp pain in the chest | my chest feels heavy | is chest pain normal? | chest tightness |
        I fainted | felt faint in the car | passed out | I blacked out | I collapsed |
        I have a fever | fever 39 | running a temperature | chills all night | feverish |
        spreading redness | the redness is getting bigger | red and spreading | red streaks |
        my arm is weak | I feel very weak | weakness in one leg | numb | my hand went numb |
        numbness | can't feel my foot | I can't move my arm | no feeling in two fingers |
        no chest pain | no fever but tired | C but I have chest pain | R, I fainted | 7 and numb |
        STOP I can't breathe | HELP my chest hurts | cancel, I have a fever |
        yes. also short of breath | Ｉ ｆａｉｎｔｅｄ | chest…pain | I’m numb 😢 |
        the needle is stuck inside
    """),
    "es": _texts("""
        me falta el aire | Me falta mucho el aire | no puedo respirar | no puedo respirar bien |
        me cuesta respirar | falta de aire | me ahogo | sin aliento | casi no respiro |
        dolor de pecho | dolor en el pecho | Me duele el pecho | me duele mucho el pecho |
        opresión en el pecho | siento presión en el pecho | me desmayé | me desmaye | me desmallé |
        creo que me voy a desmayar | perdí el conocimiento | tengo fiebre | FIEBRE | 39 de fiebre |
        enrojecimiento | la rojez crece | está rojo y se extiende | la piel está roja | debilidad |
        me siento débil | tengo el brazo débil | mano entumecida | se me durmió el brazo |
        tengo la pierna dormida | no siento la mano | entumecimiento | adormecida la cara |
        sin dolor de pecho | C pero tengo fiebre | STOP tengo dolor de pecho | 7 y fiebre
    """),
}

REACTION = {
    "en": _texts("""
        Thanks | thank you! | 😀 | Thank you so much 🙏 | thx | Liked “Willow: call 911”
    """),
    "es": _texts("""
        Gracias | ¡Muchas gracias! | mil gracias | Le gusto “Willow: fiebre”
    """),
}

NO_NUMBER = {
    "en": _texts("""
        can't stop coughing | stop by at 5? | Can I stop by at 5 | is there a bus stop near you |
        10 minutes late | 7? | 7:30 | at 7pm |
        C? | ok? | yes? | C or R | C or R? | c r | R C | who is this | What is this about? |
        Where may I park? | how much is it | the weekend | I quit smoking | at the end of May |
        don't stop the reminders | Did you stop sending reminders? | do I have to stop eating |
        should I end my other treatment first | start of the week? | help with parking | 👎 |
        No | no thanks | maybe | call me | my number is 12025550101 | 5 min | 2027-01-11 |
        STOP at which floor? | stop the car where? | stop smoking helps | the end | ending soon |
        C section last year, does that matter? | Cancun was nice | right | see you never |
        I did not get a text | no text yesterday | I have 2 kids | bring 3 forms? | 1234567
    """),
    "es": _texts("""
        ¿Dónde aparco? | llego a las 10 | 10 minutos tarde | ¿7? | a las 7 | ¿sí? | ¿quién es? |
        no recibí mensajes | no me llegan mensajes | ¿cuánto cuesta? | voy con mi hijo | no sé |
        estoy en camino | a fin de mes | parada de autobús | no | tal vez | puse 2 formularios
    """),
}

UNSEEN = {
    " c ": Intent.CONFIRM,
    "C\n": Intent.CONFIRM,
    "C\ufe0f": Intent.CONFIRM,
    "\u200bC": Intent.CONFIRM,
    "Si\u0301": Intent.CONFIRM,
    "can\u00b4t come": Intent.RESCHEDULE,
    "s\u200btop": Intent.STOP,
    "Please stop.\n\nSent from my phone": Intent.STOP,
    "ch\u200best pain": Intent.EMERGENCY,
    "chest\npain": Intent.EMERGENCY,
    "\u202eC\u202e x": Intent.UNCLEAR,
}
"""Invisible characters and line breaks."""

MATRIX = {
    Intent.CONFIRM: CONFIRM,
    Intent.RESCHEDULE: RESCHEDULE,
    Intent.STOP: STOP,
    Intent.START: START,
    Intent.HELP: HELP,
    Intent.EMERGENCY: EMERGENCY,
    Intent.REACTION: REACTION,
    Intent.UNCLEAR: NO_NUMBER,
}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("meaning", MATRIX)
def test_how_a_reply_is_read(meaning: Intent, language: str) -> None:
    texts = MATRIX[meaning][language]

    assert {text: parse(text).meaning for text in texts} == dict.fromkeys(texts, meaning)


@pytest.mark.parametrize(("text", "meaning"), UNSEEN.items())
def test_invisible_characters_change_no_meaning(text: str, meaning: Intent) -> None:
    assert parse(text).meaning == meaning


SCORES = {
    0: "0 | 0/10 | zero | cero",
    1: "1 | my score is 1 | 1.",
    2: "2 | Pain: 2 | #2 | hoy 2",
    3: "3 | a 3 today | (3) | es un 3",
    4: "4 | maybe 4 | dolor 4",
    5: "5 | it's a 5 | pain level 5 | más o menos 5",
    6: "6 | I'd say 6 | still 6 | diría que 6",
    7: "7 | 7/10 | 7 / 10 | 7 out of 10 | 7 of 10 | seven | Seven. | about a 7 | About 7 | ７ | 7️⃣"
    " | ⑦ | 7 😊 | 7! | 07 | siete | un 7 | Un siete | como un 7 | 7 de 10"
    " | siete de diez | 7 sobre 10",
    8: "8 | pain 8",
    9: "9",
    10: "10 | 10/10 | ten",
}
NOT_ONE_NUMBER = _texts("""
        7 or 8 | 7-8 | 6 to 7 | between 6 and 7 | seven or eight | 7, maybe 8 | 7.5 | 7,5 | 11 |
        6 o 7 | seis o siete | entre 6 y 7 | -1 | 12 | 99 | 7.5/10
""")


@pytest.mark.parametrize("score", SCORES)
def test_a_number_from_0_to_10_however_it_is_written(score: int) -> None:
    texts = _texts(SCORES[score])

    assert {text: parse(text)[:2] for text in texts} == dict.fromkeys(texts, (Intent.SCORE, score))


def test_two_numbers_or_half_ones_are_no_score_yet() -> None:
    scores = {text: parse(text)[:2] for text in NOT_ONE_NUMBER}

    assert scores == dict.fromkeys(NOT_ONE_NUMBER, (Intent.SCORE, None))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        *[("pain 2", "score"), ("2/10", "score"), ("2 of 10", "score"), ("dolor 2", "score")],
        *[
            ("session 2", "choice"),
            ("the second", "choice"),
            ("2nd", "choice"),
            ("cita 2", "choice"),
        ],
        *[("the first one", "choice"), ("la primera", "choice"), ("2", ""), ("two", "")],
    ],
)
def test_words_beside_a_number_may_say_what_it_is(text: str, names: str) -> None:
    assert parse(text).names == names


@pytest.mark.parametrize(("text", "language"), [("I fainted", "en"), ("me desmayé", "es")])
def test_an_emergency_is_known_by_its_language(text: str, language: str) -> None:
    assert parse(text).language == language


@pytest.mark.parametrize(
    ("text", "stop"), [("STOP I can't breathe", True), ("I can't breathe", False)]
)
def test_an_emergency_keeps_the_wish_for_silence(text: str, stop: bool) -> None:
    assert parse(text)[:4] == (Intent.EMERGENCY, None, "", stop)


@pytest.mark.parametrize(
    ("text", "weak"), [("C", False), ("Confirmo", False), ("ok", True), ("Sí", True), ("yes", True)]
)
def test_a_mere_yes_is_told_from_a_confirmation(text: str, weak: bool) -> None:
    parsed = parse(text)

    assert (parsed.meaning, parsed.weak) == (Intent.CONFIRM, weak)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *[("both", 2), ("Both, please!", 2), ("ambos", 2), ("Las dos", 2), ("1 and 2", 2)],
        *[("1 y 2", 2), ("1 & 2", 2), ("1, 2 and 3", 3), ("one and two", 2), ("all", 0)],
        *[("Todas.", 0), ("uno y dos", 2)],
    ],
)
def test_all_of_a_list_may_be_meant(text: str, count: int) -> None:
    every = parse(text).every

    assert every
    assert every.how_many == count


@pytest.mark.parametrize(
    "text",
    [
        "1 or 2",
        "1 o 2",
        "both?",
        "1 and 2?",
        "1 and 3",
        "2 and 1",
        "between 1 and 2",
        "all good?",
        "pain 1 and 2",
        "not both",
        "2",
        "1, 2",
        "both hurt",
        "ni ambas",
    ],
)
def test_nothing_less_plain_means_all(text: str) -> None:
    assert parse(text).every is None


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("R", False),
        ("reschedule", False),
        ("cancel my appointment Tuesday", True),
        ("C, with my son", True),
    ],
)
def test_what_says_more_than_a_bare_word_is_for_people_too(text: str, more: bool) -> None:
    assert parse(text).says_more is more


def test_the_matrix_is_wide() -> None:
    assert sum(len(texts) for table in MATRIX.values() for texts in table.values()) > 400
