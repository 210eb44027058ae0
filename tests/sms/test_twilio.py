"""Texts through the real SDK to the stand-in: sent, refused, later, or unknown, and never twice."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
import requests
from twilio.request_validator import (  # type: ignore[import-untyped, unused-ignore]
    RequestValidator,
)

from scheduler.sms import twilio
from scheduler.sms.sender import Accepted, Found, LeaseLost, Refused, TryLater, Unknown
from tests.standin import ACCOUNT, KEY, KEY_SECRET, SERVICE, TOKEN, Fault, Standin, sign
from tests.standin.contract import answer_against_openapi

ANN = "+14155550123"
TEXT = "Willow: Mon 11 Jan 9:00. Reply C to confirm, R to change."
RECEIPTS = "https://clinic.example/hooks/twilio/receipts/attempt-1?a=b%20c"


@pytest.fixture
def carrier() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def sender(carrier: Standin) -> Iterator[twilio.Twilio]:
    sender = connect(carrier.url)
    yield sender
    sender.close()


def connect(url: str, *, timeout: float = 5.0) -> twilio.Twilio:
    return twilio.connect(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        messaging_service_sid=SERVICE,
        api_url=url,
        timeout=timeout,
    )


def send(sender: twilio.Twilio, *, to: str = ANN, text: str = TEXT) -> Accepted:
    return sender.send(to=to, text=text, receipt_url=RECEIPTS, valid_seconds=3600)


def test_a_text_is_sent_with_all_that_it_needs(carrier: Standin, sender: twilio.Twilio) -> None:
    accepted = send(sender)

    [message] = carrier.messages
    assert accepted == Accepted(message.sid)
    assert message.fields == {
        "To": ANN,
        "Body": TEXT,
        "MessagingServiceSid": SERVICE,
        "StatusCallback": f"{RECEIPTS}#rc=3&rp=5xx,ct,rt",
        "ValidityPeriod": "3600",
        "SmartEncoded": "false",
    }
    assert carrier.complaints == []
    assert answer_against_openapi(message.as_json()) == []


def test_a_number_and_an_api_key_will_do(carrier: Standin) -> None:
    sender = twilio.connect(
        account_sid=ACCOUNT,
        auth_token="unused",
        api_key=KEY,
        api_secret=KEY_SECRET,
        from_number="+15550006789",
        api_url=f"{carrier.url}/",
    )

    sender.send(to=ANN, text=TEXT, receipt_url=None, valid_seconds=99_999)
    sender.close()

    [message] = carrier.messages
    assert message.fields["From"] == "+15550006789"
    assert message.fields["ValidityPeriod"] == "36000"
    assert "StatusCallback" not in message.fields


def test_without_a_number_to_send_from_there_is_no_sender() -> None:
    with pytest.raises(ValueError, match="from_number"):
        twilio.connect(account_sid=ACCOUNT, auth_token=TOKEN)


def test_a_text_that_is_of_no_more_use_is_not_sent(carrier: Standin, sender: twilio.Twilio) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        sender.send(to=ANN, text=TEXT, receipt_url=None, valid_seconds=0)

    assert carrier.posts == 0


def test_a_worker_that_was_frozen_does_not_send(carrier: Standin, sender: twilio.Twilio) -> None:
    for late in (0.0, 60.0):
        with pytest.raises(LeaseLost):
            sender.send(
                to=ANN,
                text=TEXT,
                receipt_url=None,
                valid_seconds=60,
                deadline=time.monotonic() - late,
            )
    assert carrier.posts == 0

    sender.send(
        to=ANN, text=TEXT, receipt_url=None, valid_seconds=60, deadline=time.monotonic() + 60
    )
    assert carrier.posts == 1


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault.hang(), 1),
        (Fault.hang(accepts=False), 0),
        (Fault.slow(60), 1),
        (Fault.reset(accepts=True), 1),
        (Fault.reset(accepts=False), 0),
        (Fault.broken(500), 1),
        (Fault.broken(503), 1),
        (Fault.broken(500, accepts=False), 0),
        (Fault.html(200), 1),
        (Fault.html(502), 1),
        (Fault.html(408), 1),
        (Fault(accepts=True, body="[]"), 1),
        (Fault(accepts=True, body="{}"), 1),
        (Fault(accepts=True, body='{"sid": null}'), 1),
        (Fault(accepts=True, body=""), 1),
    ],
    ids=str,
)
def test_an_unclear_answer_is_unknown_and_never_posted_twice(
    carrier: Standin, fault: Fault, sent: int
) -> None:
    sender = connect(carrier.url, timeout=0.4)
    carrier.fail_next(fault)
    since = datetime.now(UTC)

    with pytest.raises(Unknown):
        send(sender)

    assert (carrier.posts, len(carrier.messages)) == (1, sent)
    found = sender.find(to=ANN, text=TEXT, since=since)
    sender.close()
    assert found == (Found(carrier.messages[0].sid, "accepted") if sent else None)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("999999999999", timedelta(days=1)),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_too_many_requests_are_tried_later(
    carrier: Standin, sender: twilio.Twilio, header: str | None, wait: timedelta | None
) -> None:
    carrier.fail_next(Fault.too_many(header))

    with pytest.raises(TryLater) as later:
        send(sender)

    assert later.value.retry_after == wait
    assert (carrier.posts, carrier.messages) == (1, [])


def test_a_date_to_come_back_at_is_understood() -> None:
    headers = {"Date": "Mon, 11 Jan 2027 09:00:00 GMT"}

    for date, wait in (
        ("Mon, 11 Jan 2027 09:02:00 GMT", timedelta(minutes=2)),
        ("Mon, 11 Jan 2027 08:00:00 GMT", timedelta(0)),
    ):
        assert twilio._retry_after({**headers, "Retry-After": date}) == wait


def test_a_full_queue_is_tried_later(carrier: Standin, sender: twilio.Twilio) -> None:
    carrier.fail_next(Fault.refuse(21611))

    with pytest.raises(TryLater):
        send(sender)


def test_a_port_where_nobody_listens_is_tried_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sender = connect(f"http://127.0.0.1:{free.getsockname()[1]}")

        with pytest.raises(TryLater, match="could not be reached"):
            send(sender)
        with pytest.raises(TryLater, match="did not answer"):
            sender.find(to=ANN, text=TEXT, since=datetime.now(UTC))
    sender.close()


def test_a_name_that_does_not_exist_is_tried_later() -> None:
    sender = connect("http://twilio.invalid")

    with pytest.raises(TryLater, match="could not be reached"):
        send(sender)


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(Refused) as refusal:
        send(connect("gopher://127.0.0.1"))

    assert refusal.value.config


@pytest.mark.parametrize(
    ("code", "status", "fault_of"),
    [
        (21211, 400, "text"),
        (21610, 400, "patient"),
        (21614, 400, "text"),
        (21617, 400, "text"),
        (21408, 400, "settings"),
        (21606, 400, "settings"),
        (21608, 400, "settings"),
        (21703, 400, "settings"),
        (20003, 401, "settings"),
        (20403, 403, "settings"),
        (20307, 307, "settings"),
        (21999, 400, "text"),
        (20404, 404, "text"),
    ],
)
def test_a_refusal_says_whose_fault_it_is(
    carrier: Standin, sender: twilio.Twilio, code: int, status: int, fault_of: str
) -> None:
    carrier.fail_next(Fault.refuse(code, status))

    with pytest.raises(Refused) as refusal:
        send(sender)

    problem = refusal.value
    assert problem.code == code
    assert problem.opted_out == (fault_of == "patient")
    assert problem.config == (fault_of == "settings")
    assert ANN not in problem.sentence
    assert carrier.posts == 1


def test_an_error_we_have_never_heard_of_is_for_people(
    carrier: Standin, sender: twilio.Twilio
) -> None:
    carrier.fail_next(Fault.refuse(21999))

    with pytest.raises(Refused, match=r"error 21999, which has no rule"):
        send(sender)


def test_wrong_credentials_are_a_wrong_setting(carrier: Standin) -> None:
    sender = twilio.connect(
        account_sid=ACCOUNT, auth_token="wrong", from_number="+15550006789", api_url=carrier.url
    )

    with pytest.raises(Refused) as sending:
        send(sender)
    with pytest.raises(Refused) as asking:
        sender.fetch("SM" + "0" * 32)
    sender.close()

    assert sending.value.config
    assert asking.value.config


def test_a_phone_that_opted_out_is_refused_until_it_opts_in(
    carrier: Standin, sender: twilio.Twilio
) -> None:
    carrier.opted_out.add(ANN)
    with pytest.raises(Refused) as refusal:
        send(sender)
    assert refusal.value.opted_out

    carrier.opted_out.clear()
    assert send(sender).sid == carrier.messages[0].sid


def test_a_text_is_found_by_phone_words_and_time(carrier: Standin, sender: twilio.Twilio) -> None:
    since = datetime.now(UTC)
    for text in ("another", TEXT, "a third", TEXT):
        send(sender, text=text)
    send(sender, to="+14155550199")
    _, first, _, second, _ = carrier.messages

    assert sender.find(to=ANN, text=TEXT, since=since) == Found(first.sid, "accepted")
    assert sender.find(to=ANN, text=TEXT, since=since, known={first.sid}) == Found(
        second.sid, "accepted"
    )
    assert sender.find(to=ANN, text="never sent", since=since) is None
    assert sender.find(to=ANN, text=TEXT, since=since + timedelta(hours=1)) is None


def test_a_text_is_found_on_the_second_page(
    carrier: Standin, sender: twilio.Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(twilio._LIMITS, "page_size", 2)
    since = datetime.now(UTC)
    send(sender)
    for number in range(4):
        send(sender, text=f"text {number}")

    assert sender.find(to=ANN, text=TEXT, since=since) == Found(carrier.messages[0].sid, "accepted")


def test_since_may_be_in_any_zone(carrier: Standin, sender: twilio.Twilio) -> None:
    send(sender)
    since = datetime.now(ZoneInfo("Asia/Tokyo"))

    assert sender.find(to=ANN, text=TEXT, since=since) is not None


def test_how_far_a_text_got_can_be_asked(carrier: Standin, sender: twilio.Twilio) -> None:
    accepted = send(sender)
    carrier.messages[0].status, carrier.messages[0].error_code = "undelivered", 30005

    assert sender.fetch(accepted.sid) == Found(accepted.sid, "undelivered", 30005)
    assert sender.fetch("SM" + "0" * 32) is None


def test_threads_may_share_a_sender(carrier: Standin, sender: twilio.Twilio) -> None:
    threads = [
        Thread(target=send, args=(sender,), kwargs={"text": f"text {number}"})
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(message.body for message in carrier.messages) == sorted(
        f"text {number}" for number in range(12)
    )


def test_no_phone_is_logged(
    carrier: Standin, sender: twilio.Twilio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    send(sender)
    sender.find(to=ANN, text=TEXT, since=datetime.now(UTC))

    assert ANN[1:] not in caplog.text


def test_the_stand_in_signs_as_twilio_does(carrier: Standin, sender: twilio.Twilio) -> None:
    send(sender)
    url, form, headers = carrier.signed_receipt(carrier.messages[0], "delivered")
    signature = headers["X-Twilio-Signature"]

    assert url == RECEIPTS  # the fragment is for Twilio alone
    assert RequestValidator(TOKEN).validate(url, form, signature)
    assert not RequestValidator("another").validate(url, form, signature)
    blank = {"FromCity": "", "Body": "C"}
    assert RequestValidator(TOKEN).validate(url, blank, sign(url, blank, TOKEN))


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Body": "x", "From": "+15550006789"}, 21604),
        ({"To": ANN, "Body": "x"}, 21603),
        ({"To": ANN, "From": "+15550006789"}, 21602),
        ({"To": "12", "From": "+15550006789", "Body": "x"}, 21211),
        ({"To": ANN, "From": "+15550006789", "Body": "x" * 1601}, 21617),
        ({"To": ANN, "From": "+15550006789", "Body": "x", "StatusCallback": "http://a_b/"}, 21609),
        ({"To": ANN, "From": "+15550006789", "Body": "x", "ValidityPeriod": "0"}, 20422),
        ({"To": "+15005550009", "From": "+15550006789", "Body": "x"}, 21614),
    ],
)
def test_the_stand_in_refuses_what_twilio_refuses(
    carrier: Standin, form: dict[str, str], code: int
) -> None:
    url = f"{carrier.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"

    answer = requests.post(url, data=form, auth=(ACCOUNT, TOKEN), timeout=5)

    # Where Twilio's document is at hand it may object first.
    assert answer.status_code == 400
    assert answer.json()["code"] in (code, 20422)
    assert carrier.messages == []
