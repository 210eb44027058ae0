"""A message to the clinic from the private page."""

import re
from collections.abc import Sequence
from html import unescape

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import AuditEntry
from scheduler.patients.models import OptOut
from scheduler.reminders.models import Reply
from scheduler.reminders.replies.page_messages import MAX_PAGE_MESSAGE_CHARACTERS, MOST_A_DAY
from scheduler.storage.database import Database
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, text_of


@pytest.fixture
def my(visitor: Visitor) -> str:
    visitor.begin_at("done")
    return visitor.my()


def written(database: Database) -> Sequence[Reply]:
    with database.transaction(write=False) as session:
        return session.exec(select(Reply).order_by(col(Reply.id))).all()


def write(visitor: Visitor, words: str) -> str:
    """The page's message after a message was sent."""
    answer = visitor.post(f"{visitor.my()}/message", {"message": words})
    assert answer.status_code == 303
    return text_of(visitor.get(answer.headers["location"]))


@pytest.mark.both_databases
def test_a_message_goes_before_staff(visitor: Visitor, my: str, database: Database) -> None:
    text = write(visitor, "Can I bring my dog?\r\nIt is small.")

    assert "We have your message" in text
    [note] = written(database)
    assert note.body == "Can I bring my dog?\nIt is small."
    assert (note.for_staff, note.urgent, note.meaning) == (True, False, "unclear")
    assert note.reason == "Left on the private page."
    assert note.patient_id
    assert note.clinic_id == visitor.cast.clinic
    with database.transaction(write=False) as session:
        deeds = session.exec(select(AuditEntry.action).where(AuditEntry.subject == "reply")).all()
    assert deeds == ["wrote"]


@pytest.mark.parametrize("words", ["I cannot breathe", "me duele el pecho"])
def test_danger_is_answered_at_once_with_the_emergency_number(
    visitor: Visitor, my: str, database: Database, words: str
) -> None:
    text = write(visitor, words)

    assert "Call 911 now if you feel very unwell" in text
    [note] = written(database)
    assert (note.urgent, note.meaning) == (True, "emergency")
    assert note.reason == "Left on the private page. It speaks of danger."


def test_a_second_click_leaves_no_second_message(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    for _ in range(2):
        assert "We have your message" in write(visitor, "Hello")
    assert len(written(database)) == 1

    clock.move(minutes=11)
    write(visitor, "Hello")

    assert len(written(database)) == 2


def test_there_is_a_limit_a_day_and_danger_is_heard_beyond_it(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    for number in range(MOST_A_DAY):
        write(visitor, f"Message {number}")

    answer = visitor.post(f"{my}/message", {"message": "One more <3"})

    assert answer.status_code == 429
    assert "You have written 5 messages within a day. Please call us instead." in text_of(answer)
    assert "One more &lt;3</textarea>" in answer.text
    assert "Call 911 now" in write(visitor, "I have chest pain")
    assert [entry.urgent for entry in written(database)] == [False] * MOST_A_DAY + [True]
    clock.move(hours=24, minutes=1)
    assert "We have your message" in write(visitor, "A new day")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("  \r\n ", "Please write what you would like to tell us."),
        ("\u202e", "Please write what you would like to tell us."),
        (
            "x" * (MAX_PAGE_MESSAGE_CHARACTERS + 1),
            "This is too long: 501 characters, and there is room for 500.",
        ),
    ],
)
def test_what_cannot_be_sent_is_given_back_with_a_sentence(
    visitor: Visitor, my: str, database: Database, typed: str, sentence: str
) -> None:
    answer = visitor.post(f"{my}/message", {"message": typed})

    assert answer.status_code == 422
    assert sentence in text_of(answer)
    [kept] = re.findall(r"(?s)<textarea[^>]*>\n(.*?)</textarea>", answer.text)
    assert unescape(kept) == typed.strip()
    assert written(database) == []


def test_words_are_only_words(visitor: Visitor, my: str) -> None:
    attack = "</textarea><script>alert(1)</script>"
    answer = visitor.post(f"{my}/message", {"message": attack * 30})

    assert "<script>" not in answer.text


def test_a_wish_for_no_texts_is_obeyed_though_it_was_written(
    visitor: Visitor, my: str, database: Database
) -> None:
    text = write(visitor, "Please stop texting me")

    assert "no more texts will come to this phone" in text
    with database.transaction(write=False) as session:
        [stop] = session.exec(select(OptOut)).all()
    assert (stop.words, stop.channel) == ("Please stop texting me", "page")
    assert written(database)[0].reason.endswith("The phone asked for no more texts.")
