"""Work on one phone waits for other work on it: two connections to one PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from scheduler.reminders.outbox import outbox
from scheduler.storage.database import Database
from tests.builders.cast import ANNS_PHONE

OTHER_PHONE = "+12125550199"


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    yield database
    database.close()


def take_turn(database: Database, *phones: str) -> None:
    with database.transaction() as session:
        outbox.take_turn(session, phones)


def test_a_second_transaction_waits_for_its_turn_at_a_phone(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            outbox.take_turn(session, [ANNS_PHONE])
            second = threads.submit(take_turn, database, OTHER_PHONE, ANNS_PHONE)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.5)

        assert second.result(timeout=10) is None


def test_another_phone_does_not_wait(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads, database.transaction() as session:
        outbox.take_turn(session, [ANNS_PHONE])

        assert threads.submit(take_turn, database, OTHER_PHONE).result(timeout=10) is None
