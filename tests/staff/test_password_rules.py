"""Passwords that a stranger would guess are refused, with a sentence that says what helps."""

import pytest

from scheduler.infra.errors import Invalid
from scheduler.staff import password_rules

ABOUT = ("Ana Ruiz", "ana.ruiz@willow.example")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "aaaaaaaaaaaa",
        "abababababab",
        "abcdefghijkl",
        "qwertyuiop12",
        "January2026!",
        "acupuncture1",
        "anaruizanaruiz",
        "Ana.Ruiz@willow.example",
        "x-ana.ruiz@willow.example-x",
        "a" * 256,
    ],
)
def test_an_easy_password_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        password_rules.check(password, about=ABOUT)

    assert refusal.value.field == "password"


def test_the_sentence_says_what_is_wrong_and_what_helps() -> None:
    with pytest.raises(Invalid) as refusal:
        password_rules.check("password1234", about=ABOUT)

    assert refusal.value.sentence == (
        "This password is easy to guess. This is a very common password. Choose another one, for"
        " example four words that have nothing to do with each other."
    )


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "lantern-orbit-93-Vq", "перо лампа река стол"],
)
def test_a_password_that_is_hard_to_guess_is_taken(password: str) -> None:
    password_rules.check(password, about=ABOUT)
