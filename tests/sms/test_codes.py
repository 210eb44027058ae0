"""Each error code that Twilio is known to give has its row, and the call that met it its end."""

from collections.abc import Iterator

import pytest

from scheduler.sms import codes, twilio
from scheduler.sms.codes import Policy
from scheduler.sms.sender import RateLimited, Refused, TryLater, Unknown
from tests.standin import ACCOUNT, SERVICE, TOKEN, Fault, Standin

TABLE = {
    Policy.STOP: "20003 21212 21601 21603 21606 21609 21703 21704 21705 30002 30024 30032"
    " 30034 30035",
    Policy.MEND: "21408 21608",
    Policy.NEVER: "20404 20422 21602 21604 21617 21619 30007 35111 35114 35118",
    Policy.FLAG: "21211 21217 21401 21407 21421 21612 21614 21635 30005 30006",
    Policy.OPTED_OUT: "21610 30004 30640",
    Policy.LATER: "20429 21611 30001 30003 30022 30023 30036 30450 30610",
    Policy.ONCE: "30008 30017 30410 30500",
    Policy.UNKNOWN: "20500 20503",
}
ROWS = [(int(code), do) for do, listed in TABLE.items() for code in listed.split()]


@pytest.fixture
def carrier() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def sender(carrier: Standin) -> Iterator[twilio.Twilio]:
    sender = twilio.connect(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        messaging_service_sid=SERVICE,
        api_url=carrier.url,
    )
    yield sender
    sender.close()


def outcome(sender: twilio.Twilio) -> Exception:
    with pytest.raises((Refused, TryLater, Unknown)) as caught:
        sender.send(to="+14155550123", text="Hello", receipt_url=None, valid_seconds=600)
    return caught.value


def test_no_code_is_without_a_row_in_this_test() -> None:
    assert {code: row.policy for code, row in codes.CODES.items()} == dict(ROWS)


@pytest.mark.parametrize(("code", "do"), ROWS)
def test_a_code_in_the_answer_to_a_call_ends_it_as_its_row_says(
    carrier: Standin, sender: twilio.Twilio, code: int, do: Policy
) -> None:
    carrier.fail_next(Fault.refuse(code, 400))

    problem = outcome(sender)

    assert carrier.posts == 1
    if do in {Policy.LATER, Policy.ONCE}:
        assert type(problem) is TryLater
        assert problem.retry_after == codes.CODES[code].wait
    elif do is Policy.UNKNOWN:
        assert type(problem) is Unknown
    else:
        assert isinstance(problem, Refused)
        assert (problem.opted_out, problem.bad_phone, problem.config, problem.stops_all) == (
            do is Policy.OPTED_OUT,
            do is Policy.FLAG,
            do in {Policy.MEND, Policy.STOP},
            do is Policy.STOP,
        )


def test_too_many_calls_are_told_from_a_text_that_has_to_wait(
    carrier: Standin, sender: twilio.Twilio
) -> None:
    carrier.fail_next(Fault.too_many("7"))

    problem = outcome(sender)

    assert isinstance(problem, RateLimited)
    assert problem.retry_after is not None
    assert problem.retry_after.total_seconds() == 7


def test_a_code_without_a_row_is_for_people_and_never_tried_again() -> None:
    meaning = codes.meaning(39_999)

    assert meaning.policy is Policy.NEVER
    assert (
        meaning.sentence
        == "The carrier reported error 39999, which has no rule yet. Please look it up."
    )
    assert not meaning.tries_again


def test_each_call_has_a_limit_of_time_far_inside_the_lease(sender: twilio.Twilio) -> None:
    connecting, reading = sender._http(None)._limits

    assert 0 < connecting + reading <= 10
    assert connecting + reading < 60 / 3
