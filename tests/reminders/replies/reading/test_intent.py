"""Replies are read with certainty or left to staff, never guessed."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading.intent import parse
from scheduler.reminders.texts.default_texts import REPLY_TEMPLATES, TEMPLATES

MATRIX = {
    Intent.CONFIRM: (
        *("C", "c", "c.", " C ", "C!", '"C"', "“C”", "(c)", "C please", "C, thank you!"),
        *("Confirm", "CONFIRMED", "I confirm", "Yes", "yes, confirm", "ok", "Sí", "Confirmo"),
    ),
    Intent.RESCHEDULE: (
        *("R", "r.", "R please", "Reschedule", "change", "I need to reschedule", "Cambiar"),
        *("cancel my appointment", "Cancel my session please", "Can’t make it", "No puedo ir"),
    ),
    Intent.STOP: (
        *("STOP", "stop.", "Stop!!!", "STOPALL", "unsubscribe", "Cancel", "END", "quit", "revoke"),
        *("stop please", "Please stop", "OPT OUT", "opt-out", "C stop", "stop c", "Stop, thanks"),
        *("Please stop texting me", "stop these messages", "no more texts", "Stop sending me this"),
        *("Don't text me", "do not contact me again", "I do not want any more messages"),
        *("take me off your list", "leave me alone", "unsubscribe me please", "wrong number"),
        *("No más", "no más mensajes", "No quiero más mensajes", "alto", "BAJA", "basta"),
        *("dejen de escribirme", "no me escriban", "darme de baja"),
    ),
    Intent.START: ("START", "start!", "unstop", "Empezar", "please start"),
    Intent.HELP: ("HELP", "help?", "info", "Ayuda", "?", "help please"),
    Intent.EMERGENCY: (
        *("I feel breathless", "short of breath since noon", "can't breathe", "I can’t breathe!"),
        *("chest pain", "my chest really hurts", "pain in my chest", "I fainted", "I feel faint"),
        *("passed out after", "I have a fever", "feverish", "spreading redness", "weakness in arm"),
        *(
            "my hand is numb",
            "C but I have chest pain",
            "7, numbness in the foot",
            "HELP chest pain",
        ),
        *(
            "Me falta el aire",
            "no puedo respirar",
            "dolor en el pecho",
            "tengo fiebre",
            "me desmayé",
        ),
        *("the needle broke off", "bleeding won't stop"),
    ),
    Intent.REACTION: (
        "Liked “Willow: Breathless, chest pain, fever, spreading redness: call 911”",
        'Loved "Willow: Reply C to confirm, R to change, STOP to opt out."',
        "Reacted 👍 to “Willow: Mon 11 Jan 9:00”",
        "Removed a heart from “Willow”",
    ),
    Intent.UNCLEAR: (
        *("", " ", "...", "👎", "1234567", "can I come at 5?", "c r", "C or R?"),
        *("Can I stop by earlier?", "the pain won't stop", "who is this"),
        *("at the end of the week", "the weekend", "I quit smoking last week"),
        *("<script>alert(1)</script>", "'; DROP TABLE patients; --", "\u202eC\u202e x", "明日"),
    ),
}


def _meanings(bodies: Iterable[str]) -> dict[str, Intent]:
    return {body: parse(body).meaning for body in bodies}


@pytest.mark.parametrize("meaning", MATRIX)
def test_a_text_is_understood(meaning: Intent) -> None:
    assert _meanings(MATRIX[meaning]) == dict.fromkeys(MATRIX[meaning], meaning)


NOT_A_WISH_FOR_SILENCE = (
    *("I got no text yesterday, am I still booked?", "No messages arrived, is my session on?"),
    *("I've had no reminders for Thursday", "Should I stop this medication before my session?"),
    *("Do I have to stop all blood thinners?", "the wrong number was on my form"),
    *("Confirm, and please no calls or texts after 8", "Can I stop this?", "no text came"),
    *("Why do I get no reminders?", "I don't write well", "no recibí mensajes ayer"),
    *(
        "No texts yet, is Monday still on?",
        "No me llegan mensajes",
        "My doctor said stop all pills",
    ),
    *("I don't need a text back", "I gave you the wrong number", "I don't want to miss the texts"),
    *("Stop all blood thinners?", "I get no more texts", "You have the wrong number on file"),
    *("I don't want to stop this", "I have no messages from you", "No more messages came, why?"),
)
A_WISH_FOR_SILENCE = (
    *("STOP", "please stop texting me", "no more texts please", "don't text me", "unsubscribe me"),
    *("I don't want these messages", "stop all messages", "wrong number", "Sorry, wrong number"),
    *("no más mensajes", "deje de escribirme", "Please stop all", "stop this", "No texts please"),
    *(
        "Please, no more messages to this phone",
        "I want no more texts",
        "stop sending these",
        "stop your silly automated texts",
    ),
    *("I do not want to receive texts", "You have the wrong number", "stop contacting me"),
    *("por favor no más mensajes", "no quiero recibir mensajes", "stop with the texts"),
    *("Please stop it!", "can you stop texting", "I don't need any more reminders"),
    *("No me manden más mensajes", "never text me again", "Hi, please stop these"),
    *("Would you please end all messages", "stop, wrong number", "no reminders please"),
    *("This is the wrong number, stop texting", "I would like no more reminders"),
    *("Wrong number, I am not Ada", "You've reached the wrong number", "I said no more texts"),
    *("You are texting the wrong number", "Wrong number!! Who is Ada?", "I told you to stop this"),
    *("stop bothering this number", "stop contacting this number", "Stop all this please"),
    *("don't write to this number", "stop it, I'm not Ada", "no texts or calls please"),
    *("stop these, I never signed up", "I asked for no more messages", "No more! no texts!"),
)


def test_a_question_or_a_report_unsubscribes_nobody() -> None:
    assert Intent.STOP not in _meanings(NOT_A_WISH_FOR_SILENCE).values()


def test_a_wish_for_no_texts_is_honored_in_any_clear_words() -> None:
    read = _meanings(A_WISH_FOR_SILENCE)

    assert read == dict.fromkeys(A_WISH_FOR_SILENCE, Intent.STOP)


EMERGENCIES = (
    *("Can't catch my breath", "breathing is hard", "my breathing is bad", "pneumothorax"),
    *("trouble catching my breath", "struggling for breath", "I have a temperature"),
    *("skin is red and spreading", "my leg is weak", "it is hard for me to breathe"),
    *("I can't get my breath", "it hurts when breathing", "temperature of 39", "my arm feels weak"),
    *("No puedo recuperar el aliento", "me cuesta mucho respirar", "respirar es difícil"),
    *("respiro mal", "tengo calentura", "tengo temperatura", "la piel está roja y se extiende"),
    *("mi pierna está débil", "neumotórax", "tengo problemas para respirar", "me quedo sin aire"),
)


def test_signs_of_danger_are_seen_in_other_words() -> None:
    assert _meanings(EMERGENCIES) == dict.fromkeys(EMERGENCIES, Intent.EMERGENCY)


@pytest.mark.parametrize("body", ["one week left", "my legs last week", "see you in a breath"])
def test_ordinary_words_are_no_emergency(body: str) -> None:
    assert parse(body).meaning == Intent.UNCLEAR


@pytest.mark.parametrize(
    ("body", "score"),
    [
        *[(str(number), number) for number in range(11)],
        *[("7/10", 7), ("7 out of 10", 7), ("Pain: 3", 3), ("score 10!", 10), ("4.", 4)],
        *[("it's 6", 6), ("06", 6), ("dolor 5", 5), ("5 de 10", 5)],
    ],
)
def test_a_score_is_a_number_from_0_to_10(body: str, score: int) -> None:
    assert parse(body)[:2] == (Intent.SCORE, score)


def test_an_emergency_comes_first_and_its_wish_for_silence_is_not_lost() -> None:
    parsed = parse("Stop texting me, I have chest pain")

    assert (parsed.meaning, parsed.also_stop, parsed.language) == (Intent.EMERGENCY, True, "en")


@pytest.mark.parametrize("word", ["STOP", "unsubscribe", "opt out"])
@pytest.mark.parametrize("other", ["C", "R", "START", "HELP", "YES"])
def test_a_wish_for_no_texts_beats_every_other_command(word: str, other: str) -> None:
    assert parse(f"{other} {word}").meaning == Intent.STOP
    assert parse(f"{word}, {other}").meaning == Intent.STOP


def test_our_own_texts_sent_back_change_nothing() -> None:
    """Two programs may end up writing to each other."""
    meanings = {
        parse(text).meaning
        for texts in (TEMPLATES, REPLY_TEMPLATES)
        for by_language in texts.values()
        for text in by_language.values()
    }

    assert not meanings & {Intent.CONFIRM, Intent.START, Intent.SCORE}


@settings(deadline=None)
@given(st.text())
def test_nothing_that_can_be_typed_is_too_much(body: str) -> None:
    assert parse(body).meaning in Intent


@pytest.mark.parametrize(
    "body",
    [
        'Loved "the session" but now I have chest pain',
        'Liked "thanks" I cannot breathe',
        'Liked "C to confirm" chest pain, my wife says "call"',
        'Me gusta "gracias" pero me duele el pecho',
    ],
)
def test_danger_behind_a_quotation_is_no_mere_reaction(body: str) -> None:
    assert parse(body).meaning == Intent.EMERGENCY
