"""A patient's choice of texts: all, fewer, none, and the language."""

from collections.abc import Sequence

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import CARRIER
from scheduler.patients import consent
from scheduler.patients.models import ConsentRecord, OptOut, Patient
from scheduler.reminders.models import Message, Reply
from scheduler.reminders.outbox import outbox
from scheduler.storage.database import Database
from tests.builders.cast import NOW
from tests.builders.clock import FrozenClock
from tests.stories.replies.talk import hear
from tests.web.conftest import Visitor, text_of

PHONE = "+12025550155"


@pytest.fixture
def my(visitor: Visitor, database: Database, clock: FrozenClock) -> str:
    """The private page of a course whose texts stand in the outbox."""
    visitor.begin_at("done")
    with database.transaction() as session:
        outbox.derive(session, [PHONE], now=clock.at)
    return visitor.my()


def choose(visitor: Visitor, texts: str, language: str = "en") -> str:
    """The page's message after a choice was saved."""
    answer = visitor.post(f"{visitor.my()}/texts", {"texts": texts, "language": language})
    assert answer.status_code == 303, text_of(answer)
    return text_of(visitor.get(answer.headers["location"]))


def owed(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        kinds = session.exec(
            select(Message.kind).where(Message.state == "owed", Message.phone == PHONE)
        ).all()
    return sorted({kind for kind in kinds if kind != "code"})


def withdrawn(database: Database, kind: str) -> set[str]:
    with database.transaction(write=False) as session:
        return set(
            session.exec(
                select(Message.reason).where(Message.state == "withdrawn", Message.kind == kind)
            )
        )


def stops(database: Database) -> Sequence[OptOut]:
    with database.transaction(write=False) as session:
        return session.exec(select(OptOut).order_by(col(OptOut.id))).all()


def say(database: Database, words: str, clock: FrozenClock) -> None:
    with database.transaction() as session:
        hear(session, carrier_id=f"SM{words}", phone=PHONE, body=words, now=clock.at)


def test_each_choice_says_what_it_means_before_it_is_made(visitor: Visitor, my: str) -> None:
    text = text_of(visitor.get(f"{my}/texts"))

    assert "Only what matters most One reminder before each session, and news" in text
    assert "None No text of ours comes to this phone, whoever uses it" in text


@pytest.mark.both_databases
def test_fewer_leaves_a_reminder_before_each_session_at_once(
    visitor: Visitor, my: str, database: Database
) -> None:
    assert "aftercare" in owed(database)

    assert "only the texts that matter most" in choose(visitor, "fewer")

    assert owed(database) == ["confirmation", "day_before"]
    assert withdrawn(database, "aftercare") == {"The patient wants fewer texts."}
    assert "rise slowly. Tired, sore" not in text_of(visitor.get(my))
    assert "all texts" in choose(visitor, "all")
    assert "aftercare" in owed(database)


def test_none_is_a_stop_in_the_same_moment(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    assert "no more texts come to this phone" in choose(visitor, "none")

    assert owed(database) == []
    [stop] = stops(database)
    assert (stop.phone, stop.since, stop.channel) == (PHONE, clock.at, "page")
    assert stop.words == "No texts (chosen on the private page)"
    with database.transaction(write=False) as session:
        [note] = session.exec(select(Reply)).all()
        patient = session.exec(select(Patient).where(Patient.phone == PHONE)).one()
        silence = consent.silences(session, [patient])[patient.id or 0]
    assert (note.for_staff, note.meaning) == (True, "stop")
    assert (silence.since, silence.words) == (clock.at, stop.words)


@pytest.mark.both_databases
def test_what_was_stopped_on_the_page_begins_again_there_with_its_words_agreed_to(
    visitor: Visitor, my: str, database: Database
) -> None:
    choose(visitor, "none")
    assert consent.WORDING["en"] in text_of(visitor.get(f"{my}/texts"))

    choose(visitor, "fewer")

    assert owed(database) == ["confirmation", "day_before"]
    assert [stop.lifted_at is not None for stop in stops(database)] == [True]
    with database.transaction(write=False) as session:
        last = session.exec(select(ConsentRecord).order_by(col(ConsentRecord.id).desc())).first()
    assert last
    assert (last.given, last.channel, last.wording) == (True, "web", consent.WORDING["en"])


@pytest.mark.parametrize("first", ["none", "all"])
def test_a_stop_by_text_is_taken_back_by_a_text_only(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, first: str
) -> None:
    choose(visitor, first)
    say(database, "STOP", clock)

    assert "text START from it to the number" in text_of(visitor.get(f"{my}/texts"))
    choose(visitor, "all")
    assert owed(database) == ["stopped"] if first == "all" else owed(database) == []

    clock.move(minutes=1)
    say(database, "START", clock)
    assert "None for now" not in text_of(visitor.get(my))
    assert all(stop.lifted_at for stop in stops(database))


def test_the_language_can_be_chosen_though_no_texts_are_wanted(
    visitor: Visitor, my: str, database: Database
) -> None:
    with database.transaction() as session:
        consent.stop(session, CARRIER, PHONE, words="STOP", now=NOW)

    text = text_of(visitor.get(visitor.post(f"{my}/texts", {"language": "es"}).headers["location"]))

    assert "Mensajes a su teléfono" in text


def test_who_never_agreed_can_agree_here(visitor: Visitor, database: Database) -> None:
    del visitor.details["consent"]
    visitor.reach("done")
    assert "You did not ask for texts" in text_of(visitor.get(visitor.my()))
    choose(visitor, "none")
    assert stops(database) == []

    choose(visitor, "all")

    assert "day_before" in owed(database)


@pytest.mark.parametrize("sent", [{}, {"texts": "some", "language": "en"}, {"texts": "none"}])
def test_what_is_no_choice_changes_nothing(
    visitor: Visitor, my: str, database: Database, sent: dict[str, str]
) -> None:
    answer = visitor.post(f"{my}/texts", sent)

    assert answer.status_code == 422
    assert "Please choose one of the answers." in text_of(answer)
    assert "aftercare" in owed(database)
