"""The page of an offered time."""

from datetime import date, timedelta

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import courses
from scheduler.booking.models import Appointment, Course, Offer, WaitlistEntry
from scheduler.booking.waitlist import entries, offers
from scheduler.clinic.models import Clinic, Treatment
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import waitlist_offers as offer_texts
from scheduler.storage import links
from scheduler.storage.database import Database
from scheduler.storage.links import Link
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted
from tests.builders.clock import FrozenClock
from tests.web.conftest import KEY, Visitor, text_of

SCANNERS = ["facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0", "Googlebot/2.1"]


@pytest.fixture
def ann(database: Database, cast: Cast) -> str:
    """The page of an offer to Ann: Monday at nine instead of Tuesday at ten."""
    return offered(database, cast, cast.ann)


def offered(database: Database, cast: Cast, patient_id: int, *, hour: int = 1) -> str:
    """The page that offers Monday at nine to a patient with an appointment on Tuesday."""
    with database.transaction() as session:
        patient = session.get_one(Patient, patient_id)
        consent.give(session, OPERATOR, patient, wording="Yes", channel="staff", now=NOW)
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=patient,
            wanted=wanted(MONDAY + DAY + timedelta(hours=hour), practitioner_id=cast.ana),
            now=NOW,
        )
        entry = entries.enter(
            session,
            OPERATOR,
            appointment=courses.appointments_of(session, course)[0],
            from_minute=540,
            to_minute=541,
            first_day=date(2027, 2, 22),
            practitioner_id=cast.ana,
            now=NOW,
        )
        found = {one.id: chosen for one, chosen in offers.possible(session, cast.clinic, now=NOW)}
        offer = offers.make(session, entry, found[entry.id], now=NOW)
        assert offer is not None
        offer_texts.keep_in_step(session, KEY, now=NOW)
        link = session.exec(
            select(Link).where(Link.purpose == "offer", Link.subject_id == offer.id)
        ).one()
        return f"/offers/{links.token_of(KEY, link.nonce)}"


def rows(database: Database) -> list[tuple[str, str]]:
    """Each offer and its entry: how they stand."""
    with database.transaction(write=False) as session:
        found = session.exec(
            select(Offer.state, WaitlistEntry.state)
            .join(WaitlistEntry, col(WaitlistEntry.id) == Offer.entry_id)
            .order_by(col(Offer.id))
        )
        return [(offer, entry) for offer, entry in found]


def sessions(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        found = select(col(Appointment.wall_time)).order_by(col(Appointment.id))
        return list(session.exec(found))


def test_the_page_says_what_when_with_whom_and_instead_of_what(visitor: Visitor, ann: str) -> None:
    answer = visitor.get(ann)

    assert answer.status_code == 200
    page = text_of(answer)
    assert "A time is free for you Monday, February 22 9:00 to 9:40 am, with Ana" in page
    assert "It would be instead of session 1: Tuesday, February 23, 10:00 to 10:40 am" in page
    assert "We keep it for you until 7:30 am . Then it goes to the next person." in page
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in answer.text


def test_looking_takes_nothing(visitor: Visitor, ann: str, database: Database) -> None:
    for scanner in SCANNERS:
        for path in (ann, f"{ann}/acceptance", f"{ann}/decline", f"{ann}/withdrawal"):
            visitor.client.get(path, headers={"User-Agent": scanner})
            visitor.client.head(path)

    assert rows(database) == [("open", "offered")]
    assert sessions(database) == ["2027-02-23T10:00"]


def test_whoever_takes_it_has_it_and_their_old_time_is_free(
    visitor: Visitor, ann: str, database: Database
) -> None:
    for _ in range(2):
        answer = visitor.post(f"{ann}/acceptance")
        assert (answer.status_code, answer.headers["location"]) == (303, ann)

    page = text_of(visitor.get(ann))
    assert "This time is yours Monday, February 22 9:00 to 9:40 am, with Ana" in page
    assert "The time that you had before is free for somebody else now." in page
    assert rows(database) == [("accepted", "taken")]
    assert sessions(database) == ["2027-02-22T09:00"]


def test_whoever_took_it_comes_to_their_course_and_nobody_else_does(
    visitor: Visitor, ann: str, database: Database
) -> None:
    assert visitor.post(f"{ann}/course").headers["location"] == ann
    visitor.post(f"{ann}/acceptance")
    assert f'action="{ann}/course"' in visitor.get(ann).text

    first, second = (visitor.post(f"{ann}/course").headers["location"] for _ in range(2))

    assert first == second
    assert "Monday, February 22" in text_of(visitor.get(first))
    with database.transaction(write=False) as session:
        assert len(session.exec(select(Link).where(Link.purpose == "course")).all()) == 1


@pytest.mark.both_databases
def test_whoever_says_no_keeps_their_time_and_their_place(
    visitor: Visitor, ann: str, database: Database
) -> None:
    for _ in range(2):
        assert visitor.post(f"{ann}/decline").status_code == 303

    page = text_of(visitor.get(ann))
    assert "You keep the time that you have. You are still on our list" in page
    assert rows(database) == [("declined", "waiting")]
    assert visitor.post(f"{ann}/acceptance").status_code == 409
    assert sessions(database) == ["2027-02-23T10:00"]


def test_whoever_wants_no_more_offers_gets_none(
    visitor: Visitor, ann: str, database: Database
) -> None:
    assert visitor.post(f"{ann}/withdrawal").status_code == 303

    assert "We will not tell you of free times any more." in text_of(visitor.get(ann))
    assert rows(database) == [("declined", "withdrawn")]


def test_a_link_is_dead_when_its_offer_is_over(
    visitor: Visitor, ann: str, clock: FrozenClock, database: Database
) -> None:
    unknown = visitor.get("/offers/" + "x" * 22)
    clock.move(minutes=30)

    for answer in (visitor.get(ann), visitor.post(f"{ann}/acceptance")):
        assert (answer.status_code, answer.text) == (404, unknown.text)
    assert sessions(database) == ["2027-02-23T10:00"]


def test_a_link_of_another_kind_opens_no_offer(visitor: Visitor, ann: str) -> None:
    token = ann.removeprefix("/offers/")

    assert visitor.get(f"/my/{token}").status_code == 404


def test_another_website_cannot_answer(visitor: Visitor, ann: str, database: Database) -> None:
    answer = visitor.client.post(f"{ann}/acceptance", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert rows(database) == [("open", "offered")]


@pytest.mark.both_databases
def test_of_two_the_second_reads_that_somebody_was_quicker(
    visitor: Visitor, database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        session.get_one(Clinic, cast.clinic).waitlist_mode = "first_come"
    first, second = (
        offered(database, cast, patient, hour=hour)
        for patient, hour in ((cast.ann, 1), (cast.bob, 2))
    )
    assert "Others have been told of it too: the first who takes it has it" in text_of(
        visitor.get(first)
    )

    assert visitor.post(f"{first}/acceptance").status_code == 303
    late = visitor.post(f"{second}/acceptance")

    assert late.status_code == 409
    assert "Another patient was quicker and has this time. Nothing was changed" in text_of(late)
    assert sessions(database) == ["2027-02-22T09:00", "2027-02-23T11:00"]


def test_an_offer_that_was_lost_says_so(visitor: Visitor, ann: str, database: Database) -> None:
    with database.transaction() as session:
        course = session.exec(select(Course)).one()
        courses.cancel(session, OPERATOR, course, now=NOW)
    with database.transaction() as session:
        offers.expire(session, session.exec(select(WaitlistEntry)).one(), now=NOW)

    assert "This time is gone" in text_of(visitor.get(ann))
    assert visitor.post(f"{ann}/acceptance").status_code == 409


def test_the_page_speaks_the_patients_language(
    visitor: Visitor, ann: str, database: Database, cast: Cast, clock: FrozenClock
) -> None:
    with database.transaction() as session:
        session.get_one(Patient, cast.ann).language = "es"

    assert "Hay una hora libre para usted lunes 22 de febrero" in text_of(visitor.get(ann))

    visitor.post(f"{ann}/decline")
    assert "Conserva la hora que tiene. Sigue en nuestra lista." in text_of(visitor.get(ann))
    late = text_of(visitor.post(f"{ann}/acceptance"))
    assert "Esta oferta ha terminado: ha caducado u otro paciente tiene la hora." in late
