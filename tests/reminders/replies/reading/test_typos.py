"""Danger is seen in words that are typed wrongly, and not in words that only look like them."""

import pytest

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading import typos
from scheduler.reminders.replies.reading.intent import parse


def _texts(lines: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in lines.split("|"))


DANGER = {
    "en": _texts("""
        cant breath | cnat breathe | cant brethe | cant breth | I can't braethe | cantbreathe |
        brethless | breathles | breathelss | very breathlesss | shortnes of breath |
        shortness of breth | shrotness of breath | trubble breathing | gaspin | weezing |
        suffocatng | chest pian | chest pani | chst pain | chesst pain | chestpain | chset hurts |
        pian in my chest | ches pain | preasure in chest | tightnes in my chest | chest hursts |
        my chess hurts | chess pain | chest presure | C but chest pian | 7 chset pain |
        im fainting | im faintng | I fianted | faintd | fevr | fevver | feever | high feverr |
        high temprature | chils all night | redneess | rednes spreading | inffected | infecton |
        my hand is nubm | numbnes | I feel waek | weeker today, wekness | weaknes |
        unconcious | unconsious | pallpitations | siezure | strok | ambulence | heart attak |
        heart atack | call an amblance | colapsed | parylised | STOP cant braethe |
        the fever is gone | no fevr
    """),
    "es": _texts("""
        no puedo respirrar | no puedo respiar | no puedo repsirar | no puedo resirar |
        me cuesta respirra | dificultad para rspirar | dolor de pehco | dolor de peco |
        dolro de pecho | dolor en el pcho | me duelle el pecho | me deule el pecho |
        opresionn en el pecho | oprecion en el pecho | precion en el pecho | fiebe | fibre |
        tengo feibre | tengo fievre | tengo fiebree | me desmalle | me desmae | me dsmaye |
        me voy a desmayr | devilidad | debilidd | me siento debl | me siento debíl |
        me siento devil |
        enrogecimiento | enrojesimiento | infecsion | infecion | mano entumesida | adormesida |
        palpitasiones | inconciente | convulcion | anbulancia | ambulncia | escalofrioss |
        me aogo | infrato | sin fiebe
    """),
}
"""Text typed in a hurry, or by a person who never learned the spelling."""

ORDINARY = {
    "en": _texts("""
        chess | I play chess | my back aches after chess | pain after chess | fine | I am fine |
        fine thanks, no pain | breathe easier now thanks | breathing well now |
        I can breathe again |
        next week | one week left | never mind | every week | have you ever | fewer sessions |
        in good faith | I paint at night | the painting | the saint | wake me | the walker |
        on strike | the hills | it is chilly here | my childs session | cooking class |
        do I get an injection? | injected before | my knee hurts | pain is better | back pain 3 |
        breast | a breath of air | the pressure is off | no trouble | weekend | attach the form |
        I collapse into bed happy? | conscious of time | a thumb | numbers please |
        I need a number | right side | tonight | that light | the chest of drawers |
        where is the infirmary | the firm | the week after
    """),
    "es": _texts("""
        ya lo he hecho | me duele lo que he hecho | el techo | color | de que color |
        bien gracias | estoy bien | muy bien | suele doler menos | huele bien | dulce |
        debía venir | debió ser ayer | me duele la rodilla | dolor de rodilla | la pensión |
        tomo aire y estoy mejor | respiro mejor | puedo respirar bien | sin dolor | la conclusión |
        en conclusión mejor | la preparación | conversión | inyección | ¿me ponen una inyección? |
        soy consciente | la liebre | un hongo | dos horas | mucho mejor | la semana que viene |
        presión normal | qué hora | débito | pago con debito
    """),
}


def _is_emergency(text: str) -> bool:
    return parse(text).meaning == Intent.EMERGENCY


@pytest.mark.parametrize("language", ["en", "es"])
def test_danger_is_seen_in_words_that_are_typed_wrongly(language: str) -> None:
    assert [text for text in DANGER[language] if not _is_emergency(text)] == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_words_that_look_like_danger_are_left_alone(language: str) -> None:
    assert [text for text in ORDINARY[language] if _is_emergency(text)] == []


@pytest.mark.parametrize(
    ("typed", "language"), [("chest pian", "en"), ("no puedo respirrar", "es"), ("fiebe", "es")]
)
def test_the_language_is_the_one_that_the_slip_is_in(typed: str, language: str) -> None:
    assert parse(typed).language == language


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *[("fever", "fever"), ("fver", "fever"), ("feverr", "fever"), ("fener", "fever")],
        *[("efver", "fever"), ("fevr", "fever"), ("fvr", "fvr"), ("never", "never")],
        *[("nubm", "numb"), ("dumb", "dumb"), ("numbx", "numbx"), ("paralysse", "paralysse")],
        *[("breathlss", "breathless"), ("brethlss", "breathless"), ("brthlss", "brthlss")],
        ("f" * 26, "f" * 26),
    ],
)
def test_how_many_letters_may_be_wrong(typed: str, meant: str) -> None:
    mend = typos.corrector({"fever", "numb", "breathless"}, ordinary={"never"})

    assert mend(typed) == meant
