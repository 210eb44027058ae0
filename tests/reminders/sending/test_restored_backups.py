"""After a backup is restored, no patient gets a text again, however old or new the backup is."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, delete, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.replies import handle, inbound
from scheduler.sms.sender import TryLater, is_same_text
from scheduler.storage.database import Database
from tests.builders.world import ANN, MONDAY, World, appointment, at, found

SECONDS = timedelta(seconds=1)


class Backup:
    """A world that can go back to the moment at which the backup was made."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._file = folder / "backup.db"
        world.database.copy(self._file)

    def restore(self, now: datetime) -> World:
        """The world with the restored database and a worker that has just started."""
        target = Path(str(self._world.database.url.database))
        self._world.database.close()
        for file in target.parent.glob(f"{target.name}*"):
            file.unlink()
        shutil.copy(self._file, target)
        world = self._world
        world.clock.at = now
        world.database = Database(f"sqlite:///{target}")
        world.worker = world.colleague()
        return world


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    world = found(Database(sqlite_url))
    yield world
    world.database.close()


def test_a_backup_that_is_restored_within_a_minute_texts_nobody_again(
    world: World, tmp_path: Path
) -> None:
    for number in range(15):
        world.book(
            world.enrol(f"P{chr(65 + number)} Example", f"+121255501{number:02}"),
            at(11, 8 + number // 3),
        )
    backup = Backup(world, tmp_path)
    assert len(world.work(MONDAY + 5 * SECONDS)) == 15

    world = backup.restore(MONDAY + 20 * SECONDS)

    assert len(world.work()) == 15
    assert len(world.work(MONDAY + 600 * SECONDS)) == 15
    assert {message.state for message in world.messages(kind="confirmation")} == {MessageState.SENT}


def test_a_text_whose_private_link_is_another_one_now_is_recognized(
    world: World, tmp_path: Path
) -> None:
    course_id = world.book(world.enrol(), at(11))
    world.work()
    world.clock.at += 60 * SECONDS
    with world.database.transaction() as session:
        move(session, course_id, world.clock.at)
    backup = Backup(world, tmp_path)
    texts = list(world.work(MONDAY + 1200 * SECONDS))
    assert "/my/" in texts[-1][1]

    world = backup.restore(MONDAY + 1220 * SECONDS)

    assert world.work() == texts
    assert [message.state for message in world.messages(kind="moved")] == [MessageState.SENT]


def test_a_text_that_failed_before_the_backup_and_was_sent_after_it_is_not_repeated(
    world: World, tmp_path: Path
) -> None:
    world.book(world.enrol(), at(11))
    world.carrier.problems = [TryLater("No answer.")]
    world.work()
    backup = Backup(world, tmp_path)
    texts = list(world.work(MONDAY + 3600 * SECONDS))
    assert len(texts) == 1

    world = backup.restore(MONDAY + 3620 * SECONDS)

    assert world.work() == texts


def test_a_reply_that_was_answered_after_the_backup_is_not_answered_again(
    world: World, tmp_path: Path
) -> None:
    world.book(world.enrol(), at(11))
    world.work()
    backup = Backup(world, tmp_path)
    sent_at = MONDAY + 60 * SECONDS
    receive(world, sent_at, now=sent_at)
    texts = list(world.work(sent_at))
    assert len(texts) == 2

    world = backup.restore(MONDAY + 120 * SECONDS)
    receive(world, sent_at, now=MONDAY + 500 * SECONDS)

    assert world.work(MONDAY + 500 * SECONDS) == texts


@pytest.mark.both_databases
def test_a_worker_that_runs_while_a_backup_is_restored_notices_it(database: Database) -> None:
    """PostgreSQL restores under the feet of a running worker."""
    world = found(database)
    world.book(world.enrol(), at(11))
    texts = list(world.work())

    world.clock.at += 60 * SECONDS
    with database.transaction() as session:
        session.exec(delete(Attempt))
        message = session.exec(select(Message).where(col(Message.kind) == "confirmation")).one()
        message.state, message.tries, message.carrier_id = MessageState.OWED, 0, None
        message.sent_at = message.next_look_at = None
        session.add(message)

    assert world.work() == texts


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ("Your times: https://c.example/my/aaaa", True),
        ("Sent from a trial account - Your times: https://c.example/my/b-_9", True),
        ("Your times: https://c.example/my/bbbbb", False),
        ("Your times: https://c.example/my/bbbb.", False),
        ("His times: https://c.example/my/bbbb", False),
    ],
)
def test_texts_that_differ_in_the_token_only_are_the_same(body: str, *, same: bool) -> None:
    text = "Your times: https://c.example/my/aaaa"

    assert is_same_text(body, text, varying="aaaa") is same


def move(session: Session, course_id: int, now: datetime) -> None:
    appointments.move(
        session, OPERATOR, appointment(session, course_id, 1), starts_at=at(11, 14), now=now
    )


def receive(world: World, sent_at: datetime, *, now: datetime) -> None:
    with world.database.transaction() as session:
        reply_id = inbound.store(
            session, carrier_id="SM1", phone=ANN, body="R", sent_at=sent_at, now=now
        )
        assert reply_id is not None
        handle.read(session, reply_id, now=now)
