"""The address of a private page cannot be guessed, and guessing is answered with a pause."""

import secrets
from collections import Counter

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import inspect, text

from scheduler.http.token_guess_limiter import MAX_GUESSERS, GuessLimiter, TooManyGuesses
from scheduler.storage.database import Database
from tests.builders.cast import NOW, Cast
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, text_of

pytestmark = pytest.mark.both_databases

PLACES = ("/my/{}", "/offers/{}", "/book/{}/details", "/calendars/{}.ics")


@pytest.fixture
def my(visitor: Visitor) -> str:
    visitor.begin_at("done")
    return visitor.my()


def come_from(application: FastAPI, address: str) -> TestClient:
    return TestClient(application, client=(address, 1), raise_server_exceptions=False)


@pytest.mark.slow
def test_three_hundred_random_tokens_hit_nothing_and_are_soon_refused(
    application: FastAPI, my: str, clock: FrozenClock
) -> None:
    guesser, patient = (come_from(application, f"203.0.113.{host}") for host in (1, 2))

    answers = [
        guesser.get(PLACES[number % 4].format(secrets.token_urlsafe(16))) for number in range(300)
    ]

    assert [answer.status_code for answer in answers] == [404] * 10 + [429] * 290
    assert Counter(answer.headers["retry-after"] for answer in answers[10:]) == {"60": 290}
    assert guesser.get(my).status_code == 429
    assert guesser.get("/").status_code == 200
    assert patient.get(my).status_code == 200
    clock.move(minutes=1)
    assert guesser.get(my).status_code == 200


def test_the_refusal_is_in_the_language_of_the_reader(application: FastAPI, cast: Cast) -> None:
    guesser = come_from(application, "203.0.113.1")
    for _ in range(11):
        answer = guesser.get("/my/nothing", headers={"Accept-Language": "es"})

    assert "Se han probado demasiadas direcciones equivocadas." in text_of(answer)


def test_everybody_behind_a_silent_proxy_is_not_shut_out(application: FastAPI, my: str) -> None:
    proxy = come_from(application, "127.0.0.1")

    for _ in range(12):
        assert proxy.get("/my/nothing").status_code == 404
    assert proxy.get(my).status_code == 200


def test_an_address_of_the_new_kind_counts_with_its_home() -> None:
    limiter = GuessLimiter()
    for host in range(10):
        limiter.record(f"2001:db8:0:{host}::1", NOW)

    with pytest.raises(TooManyGuesses):
        limiter.check("2001:db8:0:99::1", NOW)
    limiter.check("2001:db8:1::1", NOW)


def test_what_is_remembered_is_bounded() -> None:
    limiter = GuessLimiter()
    for number in range(MAX_GUESSERS + 100):
        limiter.record(f"somebody {number}", NOW)

    assert len(limiter._guesses) == MAX_GUESSERS


def test_the_database_holds_no_token(database: Database, visitor: Visitor, my: str) -> None:
    form = visitor.base.rpartition("/")[2]
    with database.transaction(write=False) as session:
        for table in inspect(session.connection()).get_table_names():
            rows = str(session.execute(text(f'SELECT * FROM "{table}"')).all())
            assert my.rpartition("/")[2] not in rows
            assert form not in rows
