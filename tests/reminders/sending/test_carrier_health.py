"""All workers share one line to the carrier: one pace, and one rest while it is down."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text as sql

from scheduler.reminders.kinds import registry
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.segments import count
from scheduler.reminders.sending import attempts, carrier_health, claims
from scheduler.reminders.sending.attempts import SendAttempt
from scheduler.reminders.sending.claims import Claim
from scheduler.reminders.staff import failed_texts
from scheduler.sms.sender import Accepted, RateLimited, Refused, Unknown, Unreached
from scheduler.storage import links
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.world import MONDAY, SECRETS, Paper, World, found
from tests.support.chaos import FULL

pytestmark = pytest.mark.both_databases

"""`make chaos` runs these in the size that the promise names; every other run in a smaller one."""

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def owe(world: World, number: int, *, useful: timedelta = 24 * HOUR) -> None:
    """Texts that need no calendar, each to a phone of its own, one a second more urgent."""
    with world.database.transaction() as session:
        session.add_all(
            Message(
                clinic_id=world.clinic_id,
                key=f"note:{index}",
                kind="help",
                phone=f"+1212555{index:04}",
                text=f"Text {index}",
                due_at=world.clock.at - timedelta(milliseconds=number - index),
                expires_at=world.clock.at + useful,
                created_at=world.clock.at,
            )
            for index in range(number)
        )


def lengthen(world: World, texts: dict[int, str]) -> None:
    """Give messages, by id, other words."""
    with world.database.transaction() as session:
        for message_id, text in texts.items():
            session.get_one(Message, message_id).text = text


def colleague(world: World, per_second: float | None = None, concurrency: int = 4) -> Worker:
    return world.colleague(per_second=per_second, concurrency=concurrency)


def states(world: World) -> dict[str, int]:
    counts: dict[str, int] = {}
    for message in world.messages():
        counts[message.state] = counts.get(message.state, 0) + 1
    return counts


def test_the_pace_holds_across_workers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owe(world, 12)
    seconds = [1000.0]
    monkeypatch.setattr(carrier_health, "seconds_of", lambda _session: seconds[0])
    workers = [colleague(world, per_second=2.0) for _ in range(3)]

    claimed = [len(worker._dispatcher._claim(4)[0]) for worker in workers]
    assert claimed == [2, 0, 0]
    assert workers[1]._dispatcher._claim(4) == ([], 0.5)

    seconds[0] += 0.5
    assert [len(worker._dispatcher._claim(4)[0]) for worker in reversed(workers)] == [1, 0, 0]


def test_the_pace_counts_segments_as_the_carrier_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(world, 8)
    lengthen(world, {1: "a" * 400, 2: "{link}" + "a" * 110, 3: "code {code}"})
    seconds = [1000.0]
    monkeypatch.setattr(carrier_health, "seconds_of", lambda _session: seconds[0])
    workers = [colleague(world, per_second=2.0) for _ in range(3)]

    def claimed() -> list[tuple[int, int]]:
        return [
            (claim.message_id, claim.segments)
            for worker in workers
            for claim, _ in worker._dispatcher._claim(4)[0]
        ]

    # Room for two segments: the first text takes three, so the next waits for what it owes.
    assert claimed() == [(1, 3)]
    assert workers[2]._dispatcher._claim(4) == ([], 1.0)
    seconds[0] += 0.9
    assert claimed() == []
    seconds[0] += 0.1
    assert claimed() == [(2, 2)]
    seconds[0] += 1.0
    assert claimed() == [(3, 1)]
    seconds[0] += 60.0
    assert claimed() == [(4, 1), (5, 1)]


@pytest.mark.parametrize("words", ["{link}", "Your code: {code}", "a" * 90 + " {link} {code}"])
def test_a_stored_text_takes_no_fewer_segments_than_the_one_that_is_sent(words: str) -> None:
    """Each line of the alphabet up to where a second segment begins, and past it."""
    nonce, url = "0" * 32, SECRETS.public_url
    for length in range(200):
        stored = "a" * length + words
        code = links.code_of(SECRETS.key, nonce)
        counted = claims.segments_of(stored, url)
        told = []
        for place in registry.LINK_PATHS:
            link = f"{url}/{place}/{links.token_of(SECRETS.key, nonce)}"
            sent = templating.reveal(stored, link=link, code=code)
            if "{code}" in words:
                sent = templating.bound(sent, code=code, public_url=url)
            told.append(count(sent).segments)

        assert counted == max(told), "no fewer than any, and no more than one of them"


def test_what_many_workers_send_at_once_is_not_faster_than_the_pace_in_segments(
    world: World,
) -> None:
    """Measures by the database's clock, which tests cannot set, what was claimed in between."""
    owe(world, 30)
    lengthen(world, {number: "a" * (153 * (number % 4) + 10) for number in range(1, 31)})
    per_second = 50.0
    claimed: list[Claim] = []
    workers = [colleague(world, per_second=per_second) for _ in range(6)]

    def work(worker: Worker) -> None:
        while len(claimed) < 30:
            found, wait = worker._dispatcher._claim(4)
            claimed.extend(claim for claim, _ in found)
            time.sleep(min(wait or 0.0, 0.05))

    with world.database.transaction() as session:
        began = carrier_health.seconds_of(session)
    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.database.transaction() as session:
        took = carrier_health.seconds_of(session) - began

    segments = sum(claim.segments for claim in claimed)
    assert len({claim.message_id for claim in claimed}) == len(claimed) == 30
    assert segments == sum(max(1, number % 4 + 1) for number in range(1, 31))
    assert segments <= per_second + took * per_second + 3


def test_the_database_tells_the_time_for_the_pace(world: World) -> None:
    with world.database.transaction() as session:
        first, second = carrier_health.seconds_of(session), carrier_health.seconds_of(session)

    assert 1_700_000_000 < first <= second < first + 60


def test_a_carrier_that_is_down_is_tried_with_one_text_at_a_time(world: World) -> None:
    owe(world, 30)
    world.carrier.problems = [Unreached("Nobody there.")] * 9

    world.worker.send()
    assert carrier_health.TRIPS_AFTER <= world.carrier.calls < carrier_health.TRIPS_AFTER + 2
    calls = world.carrier.calls
    colleague(world).send()
    assert world.carrier.calls == calls

    world.clock.at += carrier_health.BREAKER_PAUSES[1]
    with world.database.transaction(write=False) as session:
        assert carrier_health.trouble(session) == "Nobody there."
        assert (
            carrier_health.capacity(session, free=4, per_second=None, now=world.clock.at).texts == 1
        )
    world.worker.send()
    assert world.carrier.calls == calls + 1
    colleague(world).send()
    assert world.carrier.calls == calls + 1


@pytest.mark.slow
def test_a_carrier_that_is_back_gets_all_that_waited_and_no_try_was_spent(world: World) -> None:
    owe(world, 30)
    world.carrier.problems = [Unreached("Nobody there.")] * 400

    for _ in range(40):
        world.worker.send()
        world.clock.at += carrier_health.PROBE
    assert states(world) == {MessageState.OWED: 30}
    world.carrier.problems.clear()
    for _ in range(3):
        world.worker.send()
        world.clock.at += carrier_health.PROBE

    assert states(world) == {MessageState.SENT: 30}
    assert len(set(world.carrier.texts)) == len(world.carrier.texts) == 30
    assert {message.tries for message in world.messages()} == {1}
    with world.database.transaction(write=False) as session:
        assert carrier_health.trouble(session) == ""


def test_while_one_text_is_tried_the_others_wait_for_it(world: World) -> None:
    owe(world, 9)
    with world.database.transaction() as session:
        for _ in range(carrier_health.TRIPS_AFTER):
            carrier_health.record_outcome(session, Unknown("Broke."), now=world.clock.at)
    world.clock.at += carrier_health.BREAKER_PAUSES[0]

    assert len(world.worker._dispatcher._claim(4)[0]) == 1
    assert colleague(world)._dispatcher._claim(4) == ([], None)

    world.clock.at += carrier_health.PROBE  # its worker died
    assert len(colleague(world)._dispatcher._claim(4)[0]) == 1


def test_credentials_that_are_refused_stop_the_line_not_text_by_text(world: World) -> None:
    owe(world, 30)
    refused = Refused(20003, "Bad credentials.", config=True, stops_all=True)
    world.carrier.problems = [refused] * 3

    world.worker.send()
    world.worker.send()

    assert world.carrier.calls <= 3  # those that were under way
    with world.database.transaction(write=False) as session:
        assert carrier_health.trouble(session) == "Bad credentials."
    world.carrier.problems.clear()
    for _ in range(3):
        world.clock.at += carrier_health.REPAIR
        world.worker.send()
    assert states(world) == {MessageState.SENT: 30}
    assert not any(message.for_staff for message in world.messages())


def test_too_many_calls_let_the_line_rest_for_as_long_as_was_asked(world: World) -> None:
    owe(world, 6)
    world.carrier.problems = [RateLimited("Slow down.", retry_after=7 * SECOND)]

    colleague(world, concurrency=1).send()
    assert world.carrier.calls == 1
    world.clock.at += 6 * SECOND
    world.worker.send()
    assert world.carrier.calls == 1
    world.clock.at += SECOND
    world.worker.send()
    assert world.carrier.calls == 6
    world.clock.at += 60 * SECOND
    world.worker.send()

    assert states(world) == {MessageState.SENT: 6}
    assert {message.tries for message in world.messages()} == {1}
    assert len(world.carrier.texts) == 6


def test_a_rest_written_by_a_clock_that_was_set_back_is_no_rest(world: World) -> None:
    owe(world, 1)
    with world.database.transaction() as session:
        carrier_health.record_outcome(
            session, RateLimited("Slow down."), now=world.clock.at + 5 * HOUR
        )

    world.worker.send()

    assert states(world) == {MessageState.SENT: 1}


@pytest.mark.slow
def test_after_nine_hours_without_a_carrier_what_is_stale_is_given_up(world: World) -> None:
    """Half of what is due is of use for an hour, the other half for a day."""
    half = 1000 if FULL else 60
    owe(world, half, useful=HOUR)
    with world.database.transaction() as session:
        session.execute(sql("UPDATE messages SET key = key || '-old'"))
    owe(world, half)
    world.carrier.problems = [Unreached("Nobody there.")] * 600

    for _ in range(9):
        world.worker.send()
        world.clock.at += HOUR
    assert world.carrier.texts == []
    world.carrier.problems.clear()
    for _ in range(3):
        world.worker.send()
        world.clock.at += carrier_health.PROBE

    assert states(world) == {MessageState.EXPIRED: half, MessageState.SENT: half}
    assert len(world.carrier.texts) == len(set(world.carrier.texts)) == half
    expired = world.messages(state=MessageState.EXPIRED)
    assert {(message.reason, message.for_staff) for message in expired} == {
        (Reason.NOT_SENT_IN_TIME, True)
    }


@pytest.mark.slow
def test_one_poison_text_delays_nobody_and_ends_before_staff(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = 499 if FULL else 79
    owe(world, others + 1)
    revealed = attempts.revealed

    def poisoned(session, message, secrets, *, now):
        if message.text == "Text 0":
            raise ZeroDivisionError
        return revealed(session, message, secrets, now=now)

    monkeypatch.setattr(attempts, "revealed", poisoned)

    world.worker.send()
    assert len(set(world.carrier.texts)) == len(world.carrier.texts) == others
    for _ in range(6):
        world.clock.at += HOUR
        world.worker.send()

    [poison] = world.messages(state=MessageState.FAILED)
    assert (poison.text, poison.tries, poison.for_staff) == ("Text 0", 5, True)
    assert len(world.carrier.texts) == others


class Watching(Paper):
    """Counts the transactions that are open, anywhere on the database, while it is called."""

    database: Database
    open: list[int]
    at_once: int = 0
    most_at_once: int = 0
    counting = threading.Lock()

    def send(self, **call: Any) -> Accepted:
        with self.counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with self.one_at_a_time:
                self.open.append(threads_in_transactions(threading.get_ident()))
            return super().send(**call)
        finally:
            with self.counting:
                self.at_once -= 1


IN_TRANSACTION: set[int] = set()


def threads_in_transactions(thread: int) -> int:
    return int(thread in IN_TRANSACTION)


def test_no_transaction_is_open_while_the_carrier_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = world.database.unit

    class Marked:
        def __init__(self, write: bool) -> None:
            self.inner = unit(write=write)

        def __enter__(self):
            IN_TRANSACTION.add(threading.get_ident())
            return self.inner.__enter__()

        def __exit__(self, *problem):
            try:
                return self.inner.__exit__(*problem)
            finally:
                IN_TRANSACTION.discard(threading.get_ident())

    monkeypatch.setattr(world.database, "unit", lambda *, write: Marked(write))
    owe(world, 40)
    carrier = Watching(world.clock)
    carrier.database, carrier.open = world.database, []
    world.carrier = carrier

    colleague(world, concurrency=3).send()

    assert carrier.open == [0] * 40
    assert 1 <= carrier.most_at_once <= 3


class Meeting(Paper):
    """A carrier that answers once several calls run at the same time."""

    database: Database
    meet: threading.Barrier
    seen: list[tuple[int, int]]

    def look(self) -> None:
        """How many connections are in use, and how many transactions the server knows of."""
        held = self.database.engine.pool.checkedout()  # type: ignore[attr-defined]
        self.seen.append((held, open_transactions(self.database)))

    def send(self, **call: Any) -> Accepted:
        self.meet.wait(60)
        return super().send(**call)


def open_transactions(database: Database) -> int:
    if database.is_sqlite:
        return 0  # its pool has told
    with database.engine.connect() as connection:
        found = connection.execute(
            sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
        )
        return int(found.scalar_one())


def test_the_database_knows_of_no_transaction_while_the_carrier_is_called(world: World) -> None:
    """Asked while as many calls are under way as there may be, so that nothing else is."""
    calls = 400 if FULL else 40
    owe(world, calls)
    carrier = Meeting(world.clock)
    carrier.database, carrier.seen = world.database, []
    carrier.meet = threading.Barrier(4, action=carrier.look)
    world.carrier = carrier

    colleague(world, concurrency=4).send()

    assert carrier.seen == [(0, 0)] * (calls // 4)
    assert len(set(carrier.texts)) == len(carrier.texts) == calls


@given(st.integers(-100, 200_000), st.integers(0, 100_000))
def test_the_carrier_never_keeps_a_text_beyond_its_use(left: int, later: int) -> None:
    intent = SendAttempt(1, 1, "", "", "", MONDAY + left * SECOND, MONDAY)
    now = MONDAY + later * SECOND

    valid = intent.valid_seconds(now)

    assert valid <= 36_000
    if valid >= 1:
        assert now + attempts.CALL + valid * SECOND <= intent.not_after


def test_texts_that_nobody_sends_are_noticed_unless_the_carrier_is_known_to_be_down(
    world: World,
) -> None:
    def stuck() -> bool:
        with world.database.transaction(write=False) as session:
            return failed_texts.are_stuck(session, now=world.clock.at)

    owe(world, 2)
    assert not stuck()
    world.clock.at += 6 * timedelta(minutes=1)
    assert stuck()
    with world.database.transaction() as session:
        carrier_health.stop(session, "Down.", now=world.clock.at)
    assert not stuck()
    with world.database.transaction() as session:
        carrier_health.record_outcome(session, Accepted("SM1"), now=world.clock.at)
    assert stuck()

    world.worker.send()
    assert not stuck()
