"""The carrier's door of the whole application: only what Twilio signed comes in, and only once."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NoReturn
from typing import cast as as_if
from urllib.parse import urlencode

import anyio
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import Session, select

from scheduler import app as application
from scheduler.booking.models import AppointmentState
from scheduler.clinic.models import Clinic
from scheduler.http.context import Context
from scheduler.infra.errors import Unavailable
from scheduler.infra.settings import Settings
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import handle
from scheduler.storage.database import Database
from tests.builders.clock import FrozenClock
from tests.builders.world import ANN, KEY, MONDAY, SECRETS, World, appointment, at, found
from tests.standin import ACCOUNT, TOKEN, sign
from tests.support.apart import run

PATH = "/hooks/twilio/replies"
HERE = f"{SECRETS.public_url}{PATH}"


def settings() -> Settings:
    return Settings(
        _env_file=None,
        secret_key=KEY,
        public_url=SECRETS.public_url,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
    )


@pytest.fixture(scope="module")
def built() -> FastAPI:
    return application.create(settings(), as_if("Database", None), FrozenClock(MONDAY))


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def asked(world: World) -> int:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()
    world.tick(at(10))
    return course


@pytest.fixture
def app(built: FastAPI, world: World) -> FastAPI:
    built.state.context = Context(world.database, settings(), world.clock)
    return built


def text(body: str = "C", **fields: str) -> dict[str, str]:
    """The form of a text from Ann, blank fields as Twilio has them."""
    return {
        "MessageSid": f"SM{1:032x}",
        "AccountSid": ACCOUNT,
        "From": ANN,
        "To": "+15550006789",
        "Body": body,
        "NumMedia": "0",
        "FromCity": "",
        "ApiVersion": "2010-04-01",
        **fields,
    }


def post(
    app: FastAPI,
    content: str,
    headers: Mapping[str, str],
    *,
    path: str = PATH,
    times: int = 1,
    base: str = SECRETS.public_url,
) -> list[httpx.Response]:
    """Send the same request several times at once."""
    answers: list[httpx.Response] = []

    async def one(client: httpx.AsyncClient) -> None:
        answers.append(await client.post(path, content=content, headers=dict(headers)))

    async def crowd() -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            httpx.AsyncClient(transport=transport, base_url=base) as client,
            anyio.create_task_group() as group,
        ):
            for _ in range(times):
                group.start_soon(one, client)

    run(crowd)
    return answers


def signed(form: Mapping[str, str], url: str = HERE, token: str = TOKEN) -> dict[str, str]:
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": sign(url, dict(form), token),
    }


def kept(world: World) -> list[str]:
    with world.database.transaction(write=False) as session:
        return list(session.exec(select(Reply.body)))


def test_what_twilio_signed_comes_in(app: FastAPI, world: World, asked: int) -> None:
    [answer] = post(app, urlencode(text()), signed(text()))

    assert (answer.status_code, kept(world)) == (200, ["C"])


FORM = text("STOP")
JSON = json.dumps(FORM)
WITH_SUM = f"{PATH}?bodySHA256={sha256(JSON.encode()).hexdigest()}"
PLAIN = signed(FORM)

FORGED: dict[str, tuple[str, dict[str, str], str, int]] = {
    "unsigned": (urlencode(FORM), {}, PATH, 403),
    "empty signature": (urlencode(FORM), {"X-Twilio-Signature": ""}, PATH, 403),
    "wrong signature": (urlencode(FORM), {"X-Twilio-Signature": "x" * 28}, PATH, 403),
    "long signature": (urlencode(FORM), {"X-Twilio-Signature": "x" * 5000}, PATH, 403),
    "another token": (urlencode(FORM), signed(FORM, token="guess"), PATH, 403),
    "http": (urlencode(FORM), signed(FORM, HERE.replace("https", "http")), PATH, 403),
    "another host": (urlencode(FORM), signed(FORM, f"https://evil.example{PATH}"), PATH, 403),
    "another path": (urlencode(FORM), signed(FORM, f"{HERE}/"), PATH, 403),
    "for receipts": (urlencode(FORM), signed(FORM, f"{HERE[:-7]}receipts/x"), PATH, 403),
    "another query": (urlencode(FORM), signed(FORM, f"{HERE}?a=b"), f"{PATH}?a=c", 403),
    "query left out": (urlencode(FORM), signed(FORM, f"{HERE}?a=b"), PATH, 403),
    "query written anew": (urlencode(FORM), signed(FORM, f"{HERE}?a=b%20c"), f"{PATH}?a=b+c", 403),
    "another body": (urlencode(text("C")), PLAIN, PATH, 403),
    "one field more": (urlencode(FORM) + "&OptOutType=START", PLAIN, PATH, 403),
    "one blank more": (urlencode(FORM) + "&FromState=", PLAIN, PATH, 403),
    "blanks dropped": (urlencode({k: v for k, v in FORM.items() if v}), PLAIN, PATH, 403),
    "a field twice": (urlencode(FORM) + "&From=%2B12125550199", PLAIN, PATH, 403),
    "JSON": (JSON, {**signed({}), "Content-Type": "application/json"}, PATH, 403),
    "JSON with its sum": (
        JSON,
        {**signed({}, f"{SECRETS.public_url}{WITH_SUM}"), "Content-Type": "application/json"},
        WITH_SUM,
        403,
    ),
    "no body": ("", signed({}), PATH, 403),
    "another account": (
        urlencode(text(AccountSid="AC" + "9" * 32)),
        signed(text(AccountSid="AC" + "9" * 32)),
        PATH,
        403,
    ),
    "no account": (
        urlencode({"From": ANN, "Body": "STOP"}),
        signed({"From": ANN, "Body": "STOP"}),
        PATH,
        403,
    ),
    "huge": (urlencode(text("x" * 200_000)), signed(text("x" * 200_000)), PATH, 413),
}


@pytest.mark.parametrize("how", FORGED)
def test_what_twilio_did_not_sign_is_refused(app: FastAPI, world: World, how: str) -> None:
    content, headers, path, status = FORGED[how]

    [answer] = post(app, content, headers, path=path)

    assert (answer.status_code, kept(world)) == (status, [])


def test_only_post_is_taken(app: FastAPI) -> None:
    async def look() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=SECRETS.public_url) as client:
            return await client.get(PATH, headers=PLAIN)

    assert run(look).status_code == 405


@pytest.mark.parametrize(
    "said", [{"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "http"}, {}]
)
def test_what_a_proxy_says_of_the_address_is_no_matter(
    app: FastAPI, world: World, asked: int, said: dict[str, str]
) -> None:
    [forged] = post(app, urlencode(FORM), {**signed(FORM, f"https://evil.example{PATH}"), **said})
    [genuine] = post(
        app, urlencode(text()), {**signed(text()), **said}, base="http://willow.example"
    )

    assert (forged.status_code, genuine.status_code, kept(world)) == (403, 200, ["C"])


@pytest.mark.both_databases
@pytest.mark.parametrize("host", ["evil.example", "willow.example.evil.example", "a/x?", "a#"])
def test_a_forged_host_comes_no_further(app: FastAPI, world: World, host: str) -> None:
    [answer] = post(app, urlencode(text()), {**signed(text()), "Host": host})

    assert (answer.status_code, kept(world)) == (400, [])


def test_ten_at_once_of_one_text_are_taken_and_answered_once(
    app: FastAPI, world: World, asked: int
) -> None:
    answers = post(app, urlencode(text()), signed(text()), times=10)
    world.tick()

    assert [answer.status_code for answer in answers] == [200] * 10
    assert kept(world) == ["C"]
    assert [text for _, text in world.carrier.texts if "is confirmed" in text] == [
        "Willow: thank you, Mon 11 Jan 10:00 AM is confirmed. To change it reply R."
    ]


def test_the_answer_to_the_carrier_holds_nothing_of_ours(
    app: FastAPI, world: World, asked: int
) -> None:
    """A clinic's name may hold signs that mean something in TwiML: it is not put in there."""
    with world.database.transaction() as session:
        session.get_one(Clinic, world.clinic_id).text_name = "A & B <C>"

    [answer] = post(app, urlencode(text()), signed(text()))
    world.tick()

    assert answer.headers["content-type"].startswith("text/xml")
    assert answer.text == '<?xml version="1.0" encoding="UTF-8"?><Response/>'
    assert world.carrier.texts[-1][1].startswith("A & B <C>: thank you,")


def test_a_text_that_meets_somebody_elses_change_is_taken_in_anew(
    app: FastAPI, world: World, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = [StaleDataError("moved"), StaleDataError("moved again")]
    read = handle.read

    def read_after_all(session: Session, reply_id: int, **values: Any) -> None:
        read(session, reply_id, **values)
        if meeting:
            raise meeting.pop()

    monkeypatch.setattr(handle, "read", read_after_all)
    [answer] = post(app, urlencode(text()), signed(text()))

    assert (answer.status_code, kept(world)) == (200, ["C"])
    with world.database.transaction(write=False) as session:
        assert appointment(session, asked, 1).state == AppointmentState.CONFIRMED


def test_while_the_database_is_away_the_carrier_is_asked_to_come_again(
    app: FastAPI, world: World, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*, write: bool) -> NoReturn:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(world.database, "unit", away)
        [answer] = post(app, urlencode(text()), signed(text()))
    assert answer.status_code == 503

    [answer] = post(app, urlencode(text()), signed(text()))
    assert (answer.status_code, kept(world)) == (200, ["C"])


def test_a_picture_is_put_before_staff(app: FastAPI, world: World, asked: int) -> None:
    form = text("", NumMedia="1", MediaUrl0="https://api.twilio.com/picture")

    post(app, urlencode(form), signed(form))

    with world.database.transaction(write=False) as session:
        [reply] = session.exec(select(Reply)).all()
        assert reply.for_staff
        assert reply.reason.startswith("A picture came with it")


@pytest.mark.parametrize(
    ("sender", "stored"),
    [(f"rcs:{ANN}", ANN), (f"whatsapp:{ANN}", ANN), ("+5215512345678", "+525512345678")],
)
def test_a_reply_comes_from_the_number_of_the_patient_on_any_channel(
    app: FastAPI, world: World, sender: str, stored: str
) -> None:
    form = text("I can't breathe", From=sender)

    post(app, urlencode(form), signed(form))

    with world.database.transaction(write=False) as session:
        [reply] = session.exec(select(Reply)).all()
        assert (reply.phone, reply.urgent) == (stored, True)


@pytest.mark.parametrize("sender", ["BANK", "rcs:clinic_agent", "", "+1212555012a"])
def test_a_sender_that_is_no_phone_is_passed_over(app: FastAPI, world: World, sender: str) -> None:
    form = text("STOP", From=sender)

    [answer] = post(app, urlencode(form), signed(form))

    assert (answer.status_code, kept(world)) == (200, [])
