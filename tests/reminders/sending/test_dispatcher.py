"""Each text goes out once, whatever the carrier or the worker does."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, delete, select

from scheduler.audit.audit_trail import CARRIER
from scheduler.patients import consent
from scheduler.reminders.models import Attempt, Message, MessageState, Receipt
from scheduler.reminders.sending import (
    attempts,
    carrier_health,
    claims,
    delivery_reports,
    settlement,
)
from scheduler.reminders.sending.claims import Claim
from scheduler.sms.sender import Accepted, Found, LeaseLost, Refused, TryLater, Unknown
from scheduler.storage.database import Database
from tests.builders.world import ANN, BEN, MONDAY, SECRETS, World, at, found

pytestmark = pytest.mark.both_databases

CONFIRMATION = (
    "Willow: booked. Session 1 of 1 is on Mon 11 Jan, 10:00 AM. We text you before each."
    " Reply R to change, HELP for help, STOP to opt out."
)


@pytest.fixture
def world(database: Database) -> World:
    world = found(database)
    world.book(world.enrol(), at(11))
    return world


def test_a_text_that_is_due_goes_out_once(world: World) -> None:
    world.work()
    world.work()

    assert world.carrier.texts == [(ANN, CONFIRMATION)]
    [message] = world.messages(kind="confirmation")
    assert (message.state, message.sent_at) == (MessageState.SENT, MONDAY)


def test_a_refusal_is_final(world: World) -> None:
    world.carrier.problems = [Refused(21614, "This number is not a mobile phone.")]

    world.work()
    world.work(MONDAY + timedelta(hours=1))

    [message] = world.messages(kind="confirmation")
    assert (message.state, message.error_code) == (MessageState.FAILED, "21614")
    assert message.reason == "This number is not a mobile phone."
    assert world.carrier.calls == 1


def test_a_refusal_for_opting_out_stops_all_other_texts(world: World) -> None:
    world.carrier.problems = [Refused(21610, "Opted out.", opted_out=True)]

    world.work()

    with world.database.transaction(write=False) as session:
        assert consent.is_stopped(session, ANN)
    world.work(at(10))
    assert world.carrier.calls == 1


def test_a_refusal_for_our_own_account_is_mended_and_not_held_against_the_text(
    world: World,
) -> None:
    problems = [Refused(20003, "Bad credentials.", config=True) for _ in range(6)]
    world.carrier.problems = [*problems, TryLater("Busy.")]

    for number in range(7):
        world.work(MONDAY + number * carrier_health.REPAIR)
    assert world.carrier.texts == []
    assert world.messages(kind="confirmation")[0].state == MessageState.OWED

    world.work(MONDAY + 8 * carrier_health.REPAIR)
    assert world.carrier.texts == [(ANN, CONFIRMATION)]


def test_later_means_later_and_in_the_end_never(world: World) -> None:
    world.carrier.problems = [TryLater("Busy.") for _ in range(6)]
    now = MONDAY

    world.work()
    assert world.carrier.calls == 1
    world.work(now + timedelta(seconds=1))
    assert world.carrier.calls == 1
    for _ in range(6):
        now += timedelta(hours=2)
        world.work(now)

    assert world.carrier.calls == 5
    assert world.messages(kind="confirmation")[0].state == MessageState.FAILED


@pytest.mark.parametrize("minutes", [1, 3, 60])
def test_an_unknown_that_was_taken_is_never_sent_again(world: World, minutes: int) -> None:
    world.carrier.problems = [Unknown("The connection broke.")]
    world.carrier.takes_all_the_same = True

    world.work()
    assert world.messages(kind="confirmation")[0].state == MessageState.UNKNOWN
    world.work(MONDAY + timedelta(minutes=minutes))
    world.work(MONDAY + timedelta(minutes=minutes + 10))

    assert world.carrier.texts == [(ANN, CONFIRMATION)]
    assert world.messages(kind="confirmation")[0].state == MessageState.SENT


def test_an_unknown_that_was_not_taken_is_sent_again_once_that_is_sure(world: World) -> None:
    world.carrier.problems = [Unknown("The connection broke.")]

    world.work()
    world.work(MONDAY + timedelta(seconds=110))
    world.work(MONDAY + timedelta(seconds=115))
    assert world.carrier.calls == 1
    world.work(MONDAY + timedelta(seconds=225))
    assert world.carrier.calls == 1
    world.work(MONDAY + timedelta(seconds=285))
    world.work(MONDAY + timedelta(seconds=290))

    assert world.carrier.texts == [(ANN, CONFIRMATION)]


def test_what_stays_unknown_past_its_use_is_given_up(world: World) -> None:
    world.carrier.problems = [Unknown("The connection broke.")]

    world.work()
    world.work(MONDAY + timedelta(hours=25))
    world.work(MONDAY + timedelta(hours=25, minutes=2))

    [message] = world.messages(kind="confirmation")
    assert message.state == MessageState.EXPIRED
    assert world.carrier.calls == 1


def test_a_worker_that_died_after_its_claim_leaves_the_text_owed(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        [left] = claims.claim(session, worker="dead", now=MONDAY, limit=5)

    world.work(MONDAY + timedelta(seconds=59))
    assert world.carrier.texts == []
    world.work(MONDAY + timedelta(seconds=60))

    assert world.carrier.texts == [(ANN, CONFIRMATION)]
    with world.database.transaction() as session:
        assert attempts.begin_attempt(session, left, secrets=SECRETS, now=MONDAY) is None


def test_a_worker_that_froze_before_its_call_settles_nothing(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        [claim] = claims.claim(session, worker="frozen", now=MONDAY, limit=1)
    with world.database.transaction() as session:
        intent = attempts.begin_attempt(session, claim, secrets=SECRETS, now=MONDAY)
        assert intent is not None
    for minutes in (3, 5, 5):
        world.work(MONDAY + timedelta(minutes=minutes))
    assert world.carrier.texts == [(ANN, CONFIRMATION)]

    with world.database.transaction() as session:
        refused = Refused(21614)
        settlement.record_outcome(
            session, intent, refused, jitter=0, now=MONDAY + timedelta(minutes=6)
        )

    assert world.messages(kind="confirmation")[0].state == MessageState.SENT


def test_a_yes_that_comes_after_everybody_gave_up_is_told_as_sent(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        [claim] = claims.claim(session, worker="frozen", now=MONDAY, limit=1)
    with world.database.transaction() as session:
        intent = attempts.begin_attempt(session, claim, secrets=SECRETS, now=MONDAY)
        assert intent is not None
    for days in (3, 4):
        world.work(MONDAY + timedelta(days=days))
    assert world.messages(kind="confirmation")[0].state == MessageState.EXPIRED

    with world.database.transaction() as session:
        late = MONDAY + timedelta(days=5)
        settlement.record_outcome(session, intent, Accepted(f"SM{9:032x}"), jitter=0, now=late)

    [message] = world.messages(kind="confirmation")
    assert (message.state, message.carrier_id) == (MessageState.SENT, f"SM{9:032x}")


def test_a_lapse_is_not_held_against_the_text(world: World) -> None:
    world.carrier.problems = [LeaseLost() for _ in range(4)]

    for _ in range(5):
        world.work()

    assert world.carrier.texts == [(ANN, CONFIRMATION)]
    with world.database.transaction(write=False) as session:
        outcomes = session.exec(select(Attempt.outcome).order_by(col(Attempt.id))).all()
    assert outcomes == ["lapsed"] * 4 + ["accepted"]


def test_a_text_that_is_no_longer_true_is_withdrawn_at_the_last_moment(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        [claim] = claims.claim(session, worker="one", now=MONDAY, limit=1)
        consent.stop(session, CARRIER, ANN, words="STOP", now=MONDAY)

    with world.database.transaction() as session:
        assert attempts.begin_attempt(session, claim, secrets=SECRETS, now=MONDAY) is None

    [message] = world.messages(kind="confirmation")
    assert message.state == MessageState.WITHDRAWN
    assert message.reason == "The phone asked for no more texts."


def test_a_text_is_not_claimed_twice(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        first = claims.claim(session, worker="one", now=MONDAY, limit=9)
    with world.database.transaction() as session:
        second = claims.claim(session, worker="two", now=MONDAY, limit=9)

    assert (len(first), second) == (1, [])


def test_what_could_not_be_sent_in_time_expires(world: World) -> None:
    world.worker.sweep()

    world.work(MONDAY + timedelta(hours=25))

    [message] = world.messages(kind="confirmation")
    assert message.state == MessageState.EXPIRED
    assert world.carrier.texts == []


def sent_token(world: World) -> str:
    world.work()
    with world.database.transaction(write=False) as session:
        attempt = session.get_one(Attempt, 1)
        assert str(world.carrier.receipts[world.carrier.sid]).endswith(attempt.token)
        return attempt.token


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (["sent", "delivered"], MessageState.DELIVERED),
        (["delivered", "sent"], MessageState.DELIVERED),
        (["delivered", "delivered", "queued"], MessageState.DELIVERED),
        (["undelivered", "sent"], MessageState.FAILED),
        (["undelivered", "delivered"], MessageState.DELIVERED),
        (["delivered", "failed"], MessageState.DELIVERED),
        (["something new"], MessageState.SENT),
    ],
)
def test_receipts_in_any_order_come_to_the_same(
    world: World, told: list[str], state: MessageState
) -> None:
    token = sent_token(world)

    for status in told:
        with world.database.transaction() as session:
            said = Found(world.carrier.sid, status)
            delivery_reports.note(session, token=token, report=said, now=MONDAY)

    assert world.messages(kind="confirmation")[0].state == state


def test_a_receipt_may_come_before_the_answer(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        [claim] = claims.claim(session, worker="one", now=MONDAY, limit=1)
    with world.database.transaction() as session:
        intent = attempts.begin_attempt(session, claim, secrets=SECRETS, now=MONDAY)
        assert intent is not None
    sid = f"SM{7:032x}"

    with world.database.transaction() as session:
        delivery_reports.note(
            session, token=intent.token, report=Found(sid, "delivered"), now=MONDAY
        )
    with world.database.transaction() as session:
        settlement.record_outcome(session, intent, Accepted(sid), jitter=0, now=MONDAY)

    [message] = world.messages(kind="confirmation")
    assert (message.state, message.carrier_id) == (MessageState.DELIVERED, sid)


def test_a_receipt_settles_what_nobody_saw_the_end_of(world: World) -> None:
    world.carrier.problems = [Unknown("The connection broke.")]
    world.work()
    with world.database.transaction() as session:
        token = session.get_one(Attempt, 1).token
        said = Found(f"SM{8:032x}", "sent")
        delivery_reports.note(session, token=token, report=said, now=MONDAY)

    world.work(MONDAY + timedelta(minutes=5))

    assert world.messages(kind="confirmation")[0].state == MessageState.SENT
    assert world.carrier.calls == 1


def test_a_receipt_for_no_attempt_of_ours_changes_nothing(world: World) -> None:
    world.work()

    with world.database.transaction() as session:
        said = Found(world.carrier.sid, "delivered")
        delivery_reports.note(session, token="0" * 32, report=said, now=MONDAY)

    assert world.messages(kind="confirmation")[0].state == MessageState.SENT


def test_a_receipt_that_never_comes_is_asked_for(world: World) -> None:
    world.work()
    world.carrier.statuses[world.carrier.sid] = "delivered"

    world.work(MONDAY + timedelta(minutes=9))
    assert world.messages(kind="confirmation")[0].state == MessageState.SENT
    world.work(MONDAY + timedelta(minutes=10))

    assert world.messages(kind="confirmation")[0].state == MessageState.DELIVERED


def test_a_claim_of_another_fence_is_nobodys(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        [claim] = claims.claim(session, worker="one", now=MONDAY, limit=1)

    with world.database.transaction() as session:
        stale = Claim(claim.message_id, claim.fence - 1)
        assert attempts.begin_attempt(session, stale, secrets=SECRETS, now=MONDAY) is None


def test_the_carrier_may_not_keep_a_text_into_the_night(world: World) -> None:
    world.work()

    world.work(at(10, 20, 30))

    [reminder] = world.messages(kind="day_before")
    assert (reminder.state, reminder.expires_at) == (MessageState.SENT, at(11, 8))
    assert world.carrier.valid[1:] == [(timedelta(minutes=30) - attempts.CALL).total_seconds()]


def test_a_text_that_would_arrive_at_night_waits_for_the_morning_or_gives_way(
    world: World,
) -> None:
    world.book(world.enrol("Ben Baker", BEN), at(11, 18))
    world.work()
    world.worker.sweep()

    assert len(world.work(at(10, 20, 59))) == 2  # the confirmations
    by_phone = {message.phone: message for message in world.messages(kind="day_before")}
    assert (by_phone[BEN].state, by_phone[BEN].due_at) == (MessageState.OWED, at(11, 8))
    assert (by_phone[ANN].state, by_phone[ANN].for_staff) == (MessageState.EXPIRED, True)
    assert by_phone[ANN].reason == "Too late: not useful after Mon 11 Jan 8:00."

    assert [to for to, _ in world.work(at(11, 8))[2:]] == [BEN]


def test_what_somebody_has_just_asked_for_may_come_at_night(world: World) -> None:
    world.clock.at = at(10, 20, 59)
    world.book(world.enrol("Ben Baker", BEN), at(12, 18))

    world.work()

    sent = zip(world.carrier.texts, world.carrier.valid, strict=True)
    assert [valid for (to, _), valid in sent if to == BEN] == [attempts.MAX_VALIDITY]


def put_back(world: World, kind: str) -> None:
    """Let the database know nothing of what was sent, as one of the day before would."""
    with world.database.transaction() as session:
        for message in session.exec(select(Message).where(Message.kind == kind)):
            session.exec(delete(Receipt).where(col(Receipt.message_id) == message.id))
            session.exec(delete(Attempt).where(col(Attempt.message_id) == message.id))
            message.state, message.tries, message.carrier_id = MessageState.OWED, 0, None
            message.sent_at = message.next_look_at = None
            session.add(message)


@pytest.mark.parametrize("back_at", [at(10, 20, 30), at(10, 20, 58), at(10, 23), at(11, 7)])
def test_a_database_that_was_put_back_sends_nothing_again(world: World, back_at: datetime) -> None:
    """Sent at ten and at six; put back in the evening, or in the night."""
    world.book(world.enrol("Ben Baker", BEN), at(11, 18))
    for now in (MONDAY, at(10), at(10, 18)):
        world.work(now)
    before = sorted(world.carrier.texts)
    assert len(before) == len(set(before)) == 4

    put_back(world, "day_before")
    world.clock.at = back_at
    another = world.colleague()
    another.tick()
    world.clock.at = at(11, 8)
    another.tick()

    reminders = [text for text in world.carrier.texts if text not in before]
    assert not any("Mon 11" in text for _, text in reminders)
    assert len(world.carrier.texts) == len(set(world.carrier.texts))


def test_what_was_due_while_nobody_was_there_and_is_on_no_list_goes_out(world: World) -> None:
    world.work()
    world.clock.at = at(10, 14)
    another = world.colleague()

    another.tick()

    assert len(world.carrier.texts) == 2


def test_nothing_is_sent_that_cannot_be_looked_for_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.work()
    world.clock.at = at(10, 14)
    another = world.colleague()

    def away(**_: object) -> None:
        raise TryLater("No answer.")

    monkeypatch.setattr(world.carrier, "find", away)
    another.tick()

    assert len(world.carrier.texts) == 1
    assert world.messages(kind="day_before")[0].state == MessageState.OWED
