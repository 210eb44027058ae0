"""No template asks for a word that carriers act on, except STOP and START in their own meaning."""

import pytest

from scheduler.infra.errors import Invalid
from scheduler.reminders.schedule import reserved_words
from scheduler.reminders.texts.default_texts import CASES, REPLY_TEMPLATES, TEMPLATES

SHIPPED = [
    text
    for words in (*TEMPLATES.values(), *REPLY_TEMPLATES.values(), *CASES["day_before"].values())
    for text in words.values()
]


@pytest.mark.parametrize(
    "template",
    [
        "{clinic}: {date}. Reply CANCEL to cancel your visit.",
        "Reply cancel if you cannot come.",
        "Reply with YES to confirm.",
        'Text "yes" to confirm, "no" to change.',
        "YES: confirm, R: change",
        "reply: Quit",
        "Send END when you are done",
        "Answer UNSUBSCRIBE to opt out of texts",
        "REVOKE, OPTOUT or STOPALL",
        "Reply STOP to cancel your session.",
        "STOP: anular la cita",
        "Reply stop to opt out",
        "Reply START to confirm your visit",
        "UNSTOP for more texts",
        "Responda SÍ para confirmar.",
        "responda con CANCELAR",
        "Conteste baja si no viene",
        "Envíe ALTO",
        "FIN: no más SMS",
    ],
)
def test_words_of_the_carriers_are_no_answers(template: str) -> None:
    with pytest.raises(Invalid, match="Carriers take") as refusal:
        reserved_words.check(template)

    assert refusal.value.field == "template"


@pytest.mark.parametrize(
    "template",
    [
        "Reply C to confirm, R to change, STOP to opt out.",
        "Reply STOP for no more texts. Reply START for texts again.",
        "Responda C: confirmar, R: cambiar, STOP: baja.",
        "Please call us if you wish to cancel, at the end of the day at latest.",
        "We start on time. Yes, even on Mondays; we stop at 8 PM.",
        "Si no puede venir, llame al {phone}. Al fin de la cita, levántese despacio.",
        "Reply HELP for help",
        *SHIPPED,
    ],
)
def test_plain_speech_and_the_notice_itself_may_be_sent(template: str) -> None:
    reserved_words.check(template)
