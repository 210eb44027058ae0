"""From the worker through Twilio's own library to a stand-in, and back through the signed door."""

from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from scheduler.booking.models import AppointmentState
from scheduler.hooks import routes
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.models import MessageState
from scheduler.sms import codes
from tests.builders.world import ANN, MONDAY, SECRETS, World, appointment, at
from tests.standin import ACCOUNT, TOKEN, Fault, Standin, sign
from tests.support.apart import run

REPLIES = f"{SECRETS.public_url}/hooks/twilio/replies"


@pytest.fixture
def world(wired: World) -> World:
    """The clinic of these tests."""
    return wired


class Door:
    """The program as Twilio reaches it, behind a proxy that hides the public address."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def post(self, path: str, *, data: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://10.0.0.7:8000"
            ) as client:
                return await client.post(path, data=data, headers=headers)

        return run(call)


@pytest.fixture
def door(world: World) -> Door:
    app = FastAPI()
    app.include_router(routes.router)
    app.state.context = SimpleNamespace(
        database=world.database,
        clock=world.clock,
        settings=SimpleNamespace(
            public_url=SECRETS.public_url, twilio_auth_token=TOKEN, twilio_account_sid=ACCOUNT
        ),
    )
    return Door(app)


def test_a_text_goes_out_and_its_signed_receipt_shows_in_the_timeline(
    world: World, carrier: Standin, door: Door
) -> None:
    course = world.book(world.enrol(), at(11))
    world.tick()
    [message] = carrier.messages

    assert carrier.complaints == []
    assert message.fields["ValidityPeriod"] == "36000"
    for status in ("sent", "delivered", "delivered"):
        url, form, headers = carrier.signed_receipt(message, status)
        answer = door.post(url.removeprefix(SECRETS.public_url), data=form, headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")

    [confirmation] = [entry for entry in world.timeline(course) if entry.sent_at]
    assert confirmation.state == MessageState.DELIVERED
    assert confirmation.delivered_at == MONDAY


def test_a_text_that_did_not_arrive_says_why(world: World, carrier: Standin, door: Door) -> None:
    course = world.book(world.enrol(), at(11))
    world.tick()

    url, form, headers = carrier.signed_receipt(
        carrier.messages[0], "undelivered", error_code=30006
    )
    door.post(url.removeprefix(SECRETS.public_url), data=form, headers=headers)

    [entry] = [entry for entry in world.timeline(course) if entry.sent_at]
    assert entry.state == MessageState.FAILED
    assert entry.reason == "This phone cannot get texts; it may be a landline."


def test_a_phone_that_twilio_has_opted_out_gets_no_texts_and_staff_see_why(
    world: World, carrier: Standin
) -> None:
    patient = world.enrol()
    course = world.book(patient, at(11))
    carrier.opted_out.add(ANN)

    world.tick()
    world.tick(at(10))

    assert carrier.messages == []
    assert len(carrier.complaints) == 1  # no other text was even tried
    [confirmation] = world.messages(kind="confirmation")
    assert (confirmation.state, confirmation.error_code) == (MessageState.FAILED, "21610")
    assert confirmation.for_staff
    with world.database.transaction(write=False) as session:
        whose = session.get_one(Patient, patient)
        silence = consent.silences(session, [whose])[patient]
    assert silence.reason == "The phone asked for no more texts."
    assert silence.words == codes.CODES[21610].sentence
    assert {entry.state for entry in world.timeline(course)} == {
        MessageState.FAILED,
        MessageState.WITHDRAWN,
    }


@pytest.mark.both_databases
def test_a_stop_that_twilio_has_confirmed_itself_is_nothing_for_staff_to_mend(
    world: World, carrier: Standin, door: Door
) -> None:
    world.book(world.enrol(), at(11))
    world.tick()
    carrier.opted_out.add(ANN)
    _, form, headers = carrier.signed_reply(REPLIES, sender=ANN, body="STOP")

    door.post("/hooks/twilio/replies", data=form, headers=headers)
    world.tick()

    [goodbye] = world.messages(kind="stopped")
    assert (goodbye.state, goodbye.for_staff) == (MessageState.WITHDRAWN, False)
    assert goodbye.reason == "The carrier has confirmed the STOP itself."


def test_a_number_that_is_no_error_code_is_passed_over(
    world: World, carrier: Standin, door: Door
) -> None:
    world.book(world.enrol(), at(11))
    world.tick()

    url, form, headers = carrier.signed_receipt(
        carrier.messages[0], "undelivered", error_code=10**4000
    )
    answer = door.post(url.removeprefix(SECRETS.public_url), data=form, headers=headers)

    assert answer.status_code == 204
    assert world.messages(kind="confirmation")[0].state == MessageState.FAILED


def test_a_reply_confirms_and_is_answered_once(world: World, carrier: Standin, door: Door) -> None:
    course = world.book(world.enrol(), at(11))
    world.tick()
    world.tick(at(10))
    _, form, headers = carrier.signed_reply(REPLIES, sender=ANN, body="C")

    answers = [door.post("/hooks/twilio/replies", data=form, headers=headers) for _ in range(2)]
    world.tick()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"].startswith("text/xml")
    assert answers[0].text.endswith("<Response/>")
    assert len(carrier.messages) == 3
    with world.database.transaction(write=False) as session:
        assert appointment(session, course, 1).state == AppointmentState.CONFIRMED


@pytest.mark.parametrize(
    "wrong", ["unsigned", "signature", "field", "blank", "address", "account", "too long"]
)
def test_what_twilio_did_not_sign_changes_nothing(
    world: World, carrier: Standin, door: Door, wrong: str
) -> None:
    url, form, headers = carrier.signed_reply(REPLIES, sender=ANN, body="STOP")
    path = "/hooks/twilio/replies"
    match wrong:
        case "unsigned":
            headers = {}
        case "signature":
            headers = {"X-Twilio-Signature": sign(url, form, "another token")}
        case "field":
            form["From"] = "+12125550199"
        case "blank":
            del form["FromCity"]
            form["FromCountry"] = ""
            form["Body"] += "x"
        case "address":
            path += "?a=b"
        case "account":
            form["AccountSid"] = "AC" + "9" * 32
            headers = {"X-Twilio-Signature": sign(url, form, TOKEN)}
        case "too long":
            form["Body"] = "x" * 100_000

    answer = door.post(path, data=form, headers=headers)

    assert answer.status_code == (413 if wrong == "too long" else 403)
    assert world.messages() == []


def test_a_query_as_it_came_is_what_was_signed(world: World, carrier: Standin, door: Door) -> None:
    url = f"{REPLIES}?a=b%20c&d=e+f"
    _, form, headers = carrier.signed_reply(url, sender=ANN, body="help")

    answer = door.post("/hooks/twilio/replies?a=b%20c&d=e+f", data=form, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fault", "patience"),
    [
        (Fault.broken(500), 20.0),
        (Fault.broken(503), 20.0),
        (Fault.reset(accepts=True), 20.0),
        (Fault.html(), 20.0),
        (Fault.hang(), 1.0),
    ],
    ids=["500", "503", "reset", "html", "hang"],
)
def test_a_text_that_was_taken_without_a_word_is_not_sent_again(
    world: World, carrier: Standin, fault: Fault
) -> None:
    world.book(world.enrol(), at(11))
    carrier.fail_next(fault)

    for minutes in (0, 1, 3, 30):
        world.work(MONDAY + timedelta(minutes=minutes))

    assert len(carrier.messages) == carrier.posts == 1
    assert world.messages(kind="confirmation")[0].state == MessageState.SENT


@pytest.mark.parametrize(
    "fault",
    [Fault.broken(500, accepts=False), Fault.reset(accepts=False), Fault.too_many()],
    ids=["500", "reset", "429"],
)
def test_a_text_that_was_not_taken_goes_out_later(
    world: World, carrier: Standin, fault: Fault
) -> None:
    world.book(world.enrol(), at(11))
    carrier.fail_next(fault)

    for minutes in (0, 1, 3, 4):
        world.work(MONDAY + timedelta(minutes=minutes))

    assert (len(carrier.messages), carrier.posts) == (1, 2)


def test_the_signed_door_of_a_program_without_a_token_is_shut(
    world: World, carrier: Standin, door: Door
) -> None:
    door.app.state.context.settings.twilio_auth_token = ""
    url, form, _ = carrier.signed_reply(REPLIES, sender=ANN, body="STOP")

    answer = door.post(
        "/hooks/twilio/replies", data=form, headers={"X-Twilio-Signature": sign(url, form, "")}
    )

    assert answer.status_code == 403
