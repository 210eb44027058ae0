"""People told apart, phones proved within budgets."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from scheduler.audit.audit_trail import OPERATOR
from scheduler.clinic.models import Clinic
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients import consent, register, screening, verification
from scheduler.patients.models import Patient, PhoneCode
from scheduler.storage import links
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import ANNS_PHONE, NOW, Cast

pytestmark = pytest.mark.both_databases

KEY = "a key for tests that is long enough"


def enrol(database: Database, cast: Cast, name: str) -> int:
    with database.transaction() as session:
        patient = register.enroll(
            session,
            OPERATOR,
            clinic=session.get_one(Clinic, cast.clinic),
            name=name,
            phone=ANNS_PHONE,
            language="en",
            now=NOW,
        )
        return stored_id(patient.id)


def test_the_same_name_and_phone_is_the_same_patient(database: Database, cast: Cast) -> None:
    assert enrol(database, cast, "ann example") == cast.ann


def test_a_child_on_the_same_phone_is_another_patient(database: Database, cast: Cast) -> None:
    assert enrol(database, cast, "Cleo Example") != cast.ann


def test_consent_and_its_withdrawal_are_stored_with_the_wording(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        ann = session.get_one(Patient, cast.ann)
        words = consent.WORDING["en"]
        consent.give(session, OPERATOR, ann, wording=words, channel="web", now=NOW)
        consent.withdraw(session, OPERATOR, ann, wording="by phone", channel="staff", now=NOW)
        rows = session.execute(text("SELECT given, wording FROM consent_records ORDER BY id")).all()

        assert [(bool(given), wording) for given, wording in rows] == [
            (True, words),
            (False, "by phone"),
        ]
        assert not ann.sms_consent


def test_stop_holds_until_start_for_everybody_on_the_phone(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        consent.stop(session, OPERATOR, ANNS_PHONE, words="please stop", now=NOW)
        consent.stop(session, OPERATOR, ANNS_PHONE, words="STOP", now=NOW)
        assert consent.is_stopped(session, ANNS_PHONE)

        consent.start(session, OPERATOR, ANNS_PHONE, now=NOW)
        assert not consent.is_stopped(session, ANNS_PHONE)


def begin(
    database: Database,
    cast: Cast,
    *,
    minutes: int = 0,
    phone: str = ANNS_PHONE,
    origin: str = "192.0.2.7",
) -> int:
    with database.transaction() as session:
        code = verification.begin(
            session,
            clinic_id=cast.clinic,
            phone=phone,
            origin=origin,
            now=NOW + timedelta(minutes=minutes),
        )
        return stored_id(code.id)


def attempt(database: Database, code_id: int, typed: str, *, minutes: int = 0) -> str:
    """Try a code as a door does: the sentence of a refusal, and the try is committed."""
    with database.transaction() as session:
        code = session.get_one(PhoneCode, code_id)
        try:
            verification.check(session, code, typed, key=KEY, now=NOW + timedelta(minutes=minutes))
        except Invalid as refusal:
            return refusal.sentence
        return "proved"


def digits(database: Database, code_id: int) -> str:
    with database.transaction() as session:
        return links.code_of(KEY, session.get_one(PhoneCode, code_id).nonce)


def test_the_code_verifies_a_phone(database: Database, cast: Cast) -> None:
    code_id = begin(database, cast)
    typed = digits(database, code_id)

    assert attempt(database, code_id, f" {typed[:3]} {typed[3:]} ") == "proved"


def test_after_five_wrong_codes_the_right_one_is_refused(database: Database, cast: Cast) -> None:
    code_id = begin(database, cast)
    right = digits(database, code_id)
    wrong = "000000" if right != "000000" else "111111"

    for _ in range(5):
        assert attempt(database, code_id, wrong).startswith("This is not the code")
    assert attempt(database, code_id, right).startswith("That was one try too many")


def test_a_code_expires_after_ten_minutes(database: Database, cast: Cast) -> None:
    code_id = begin(database, cast)

    assert attempt(database, code_id, digits(database, code_id), minutes=10).startswith(
        "This code has lapsed"
    )


def test_a_second_code_has_to_wait_a_minute(database: Database, cast: Cast) -> None:
    begin(database, cast)

    with pytest.raises(TooMany):
        begin(database, cast)
    begin(database, cast, minutes=2)


def test_a_third_code_has_to_wait_ten_minutes(database: Database, cast: Cast) -> None:
    begin(database, cast)
    begin(database, cast, minutes=1)

    with pytest.raises(TooMany, match="We have texted two codes") as refusal:
        begin(database, cast, minutes=9, origin="198.51.100.1")
    assert refusal.value.retry_after == 600
    begin(database, cast, minutes=10)


def test_one_phone_gets_three_codes_a_day(database: Database, cast: Cast) -> None:
    for number in range(3):
        begin(database, cast, minutes=10 * number, origin=f"192.0.{number}.7")

    with pytest.raises(TooMany):
        begin(database, cast, minutes=60, origin="198.51.100.1")
    begin(database, cast, minutes=25 * 60)


@pytest.mark.parametrize("origin", ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"])
def test_one_address_gets_five_codes_an_hour(database: Database, cast: Cast, origin: str) -> None:
    for number in range(5):
        begin(database, cast, phone=fictional(number), origin=origin)

    with pytest.raises(TooMany):
        begin(database, cast, phone=fictional(50), origin=origin)
    begin(database, cast, phone=fictional(50), origin=origin, minutes=61)


@pytest.mark.parametrize(
    ("of_one_network", "of_another"),
    [("192.0.2.{}", "192.0.3.1"), ("2001:db8:0:{:x}::1", "2001:db8:0:100::1")],
)
def test_one_network_gets_twenty_codes_an_hour(
    database: Database, cast: Cast, of_one_network: str, of_another: str
) -> None:
    for number in range(20):
        begin(database, cast, phone=fictional(number), origin=of_one_network.format(number))

    with pytest.raises(TooMany):
        begin(database, cast, phone=fictional(50), origin=of_one_network.format(99))
    begin(database, cast, phone=fictional(50), origin=of_another)


def test_a_loopback_address_is_not_limited(database: Database, cast: Cast) -> None:
    for number in range(25):
        begin(database, cast, phone=fictional(number), origin="127.0.0.1")


@pytest.mark.slow
def test_a_clinic_sends_no_more_codes_a_day_than_its_limit(
    database: Database, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(verification.PER_CLINIC_A_DAY):
        origin = f"198.51.{number % 250}.{number // 250}"
        begin(database, cast, phone=f"+1{202 + number // 100}55501{number % 100:02}", origin=origin)

    with pytest.raises(TooMany):
        begin(database, cast, phone="+13035550199", origin="203.0.113.1")

    assert "sends no more codes today" in caplog.text


def test_simultaneous_requests_share_one_limit(database: Database, cast: Cast) -> None:
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: outcome(database, cast), range(8)))

    assert sorted(answers) == ["texted"] + ["told to wait"] * 7


def outcome(database: Database, cast: Cast) -> str:
    try:
        begin(database, cast)
    except TooMany:
        return "told to wait"
    return "texted"


def fictional(number: int) -> str:
    return f"+120255501{number:02}"


def test_answers_must_be_complete() -> None:
    with pytest.raises(Invalid) as refusal:
        screening.clean({"bleeding": "no"})

    assert refusal.value.field == "blood_thinners"


@pytest.mark.parametrize(
    ("key", "answer", "held"),
    [
        ("blood_thinners", "yes", True),
        ("blood_thinners", "unsure", True),
        ("bleeding", "yes", True),
        ("pregnant", "unsure", True),
        ("pacemaker", "yes", True),
        ("pacemaker", "unsure", True),
        ("fainting", "yes", False),
        ("seen_by_doctor", "no", False),
    ],
)
def test_which_answers_a_practitioner_must_see(key: str, answer: str, held: bool) -> None:
    answers = {question.key: "no" for question in screening.QUESTIONS} | {key: answer}

    assert screening.needs_clearance(answers) is held
