"""Many forms cannot hold many times, and leaving a form frees its times."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from scheduler.booking.availability import holds
from scheduler.booking.models import Course, DiaryEntry, Enquiry, Hold
from scheduler.booking.planning import draft_bookings
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import TooMany
from scheduler.patients.models import PhoneCode
from scheduler.storage.database import Database
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, count, text_of

pytestmark = pytest.mark.both_databases

PHONE = "+12025550155"
OTHERS = "Other forms keep times for this phone"


@pytest.fixture
def two_forms(database: Database, cast: Cast) -> list[int]:
    """Two that keep times for one phone and have not proved it."""
    forms = [open_form(database, cast, number) for number in range(2)]
    for form in forms:
        assert claim(database, form)
    return forms


def open_form(database: Database, cast: Cast, number: int, origin: str = "testclient") -> int:
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        enquiry, _ = draft_bookings.begin(session, back, origin=origin, now=NOW)
        hold, _ = holds.keep(session, back, wanted(MONDAY + number * DAY), origin=origin, now=NOW)
        enquiry.hold_id = hold.id
        session.flush()
        assert enquiry.id is not None
        return enquiry.id


def claim(database: Database, form: int) -> bool:
    with database.transaction() as session:
        try:
            draft_bookings.claim_phone(session, session.get_one(Enquiry, form), PHONE, now=NOW)
        except TooMany:
            return False
        return True


def test_a_third_form_for_a_phone_is_told_so_and_keeps_what_was_typed(
    two_forms: list[int], visitor: Visitor, database: Database
) -> None:
    visitor.reach("details")

    answer = visitor.post("details", visitor.details)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "600")
    assert OTHERS in text_of(answer)
    assert 'value="Ada Example"' in answer.text
    assert 'value="(202) 555-0155"' in answer.text
    assert count(database, PhoneCode) == 0
    assert "Otros formularios" in text_of(visitor.post("details?lang=es", visitor.details))


def test_a_stranger_who_types_a_phone_keeps_nobody_else_from_booking(
    two_forms: list[int], application: FastAPI, database: Database, cast: Cast
) -> None:
    with TestClient(
        application,
        follow_redirects=False,
        raise_server_exceptions=False,
        client=("192.0.2.7", 50000),
    ) as elsewhere:
        Visitor(elsewhere, database, cast).reach("done")


def test_the_many_addresses_of_one_home_share_its_limits(database: Database, cast: Cast) -> None:
    forms = [
        open_form(database, cast, number, f"2001:db8:1:{number:x}::{number + 1:x}")
        for number in range(3)
    ]
    assert [claim(database, form) for form in forms] == [True, True, False]
    next_door = open_form(database, cast, 3, "2001:db8:1:100::1")
    assert claim(database, next_door)
    with database.transaction(write=False) as session:
        homes = list(session.exec(select(Hold.origin).order_by(col(Hold.id))))
    assert homes == [*["2001:db8:1::/56"] * 3, "2001:db8:1:100::/56"]


def test_a_form_that_lapsed_does_not_count(
    two_forms: list[int], visitor: Visitor, clock: FrozenClock
) -> None:
    clock.move(minutes=10)

    visitor.reach("done")


def test_a_form_that_lapsed_is_counted_again_when_it_goes_on(
    visitor: Visitor, clock: FrozenClock, database: Database, cast: Cast
) -> None:
    visitor.reach("code")
    clock.move(minutes=-15)
    with database.transaction() as session:
        session.exec(select(Hold)).one().expires_at = NOW - DAY
    for number in range(2):
        assert claim(database, open_form(database, cast, number))

    assert visitor.post("plan").status_code == 429


def test_a_proved_phone_does_not_count(
    two_forms: list[int], visitor: Visitor, clock: FrozenClock, database: Database
) -> None:
    clock.move(minutes=10)
    visitor.reach("done")

    with database.transaction(write=False) as session:
        enquiry = session.exec(select(Enquiry).where(col(Enquiry.course_id).is_not(None))).one()
        assert enquiry.unproved_phone == ""


def test_of_many_forms_at_once_for_a_phone_two_are_let(database: Database, cast: Cast) -> None:
    forms = [open_form(database, cast, number) for number in range(4)]

    with ThreadPoolExecutor(4) as hands:
        let = list(hands.map(lambda form: claim(database, form), forms))

    assert sum(let) == 2


@pytest.mark.slow
def test_a_bot_holds_what_the_limits_allow_and_after_ten_minutes_all_is_free(
    client: TestClient, database: Database, cast: Cast, clock: FrozenClock, visitor: Visitor
) -> None:
    bots = [Visitor(client, database, cast) for _ in range(holds.AT_ONCE_PER_ORIGIN + 3)]
    answers = []
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        back.phases = [Phase(sessions=1, per_week=1)]
    for bot in bots:
        bot.reach("wishes")
        answers.append(bot.post("wishes", bot.wishes).status_code)
    assert answers == [303] * holds.AT_ONCE_PER_ORIGIN + [422] * 3
    assert count(database, Hold) == holds.AT_ONCE_PER_ORIGIN

    clock.move(minutes=10)
    visitor.reach("done")

    assert count(database, Course) == 1
    assert count(database, Hold) == 0
    with database.transaction(write=False) as session:
        kept = select(DiaryEntry).where(col(DiaryEntry.hold_id).is_not(None))
        assert session.exec(kept).all() == []


@pytest.mark.parametrize("step", ["plan", "details", "code"])
def test_leaving_frees_the_times_and_forgets_what_was_typed(
    visitor: Visitor, database: Database, step: str
) -> None:
    visitor.reach(step)
    assert f'action="{visitor.base}/leave"' in visitor.get(step).text

    first, second = visitor.post("leave"), visitor.post("leave")

    assert first.headers["location"] == f"/?clinic={visitor.cast.clinic}&lang=en"
    assert second.headers["location"] == "/"
    assert [count(database, table) for table in (Hold, DiaryEntry, Enquiry)] == [0, 0, 0]


def test_leaving_undoes_no_booking(visitor: Visitor, database: Database) -> None:
    visitor.reach("done")

    assert visitor.post("leave").headers["location"] == f"{visitor.base}/done"
    assert count(database, Course) == 1


def test_a_code_proves_only_the_phone_that_it_was_texted_to(
    visitor: Visitor, database: Database, client: TestClient
) -> None:
    someone = Visitor(client, database, visitor.cast)
    someone.details = {**visitor.details, "phone": "(202) 555-0101"}
    someone.reach("code")
    visitor.reach("code")
    mine = visitor.code()
    # A code went to that phone just now, so no second one is texted; the form still has the number.
    assert visitor.post("details", someone.details).status_code == 429

    answer = visitor.post("code", {"code": mine})

    assert answer.headers["location"] == f"{visitor.base}/details"
    assert count(database, Course) == 0


def test_a_script_that_opens_forms_without_end_is_stopped_and_others_are_not(
    visitor: Visitor, database: Database, cast: Cast, clock: FrozenClock
) -> None:
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        for _ in range(draft_bookings.FORMS_PER_PERIOD):
            draft_bookings.begin(session, back, origin="203.0.113.7", now=clock.now())

    with database.transaction() as session, pytest.raises(draft_bookings.TooManyForms):
        draft_bookings.begin(session, back, origin="203.0.113.7", now=clock.now())
    with database.transaction() as session:
        draft_bookings.begin(session, back, origin="203.0.113.8", now=clock.now())
        later = clock.now() + draft_bookings.PERIOD
        draft_bookings.begin(session, back, origin="203.0.113.7", now=later)
