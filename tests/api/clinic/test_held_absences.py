"""Staff can always confirm an absence while a patient fills in the booking form."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from scheduler.booking.availability import holds
from scheduler.booking.models import Hold
from scheduler.clinic.models import Treatment
from scheduler.storage.database import Database, stored_id
from tests.api.clinic.test_absence_proposals import TUESDAY, book, closing, confirmation
from tests.api.conftest import Desk
from tests.api.courses.test_changes import everything
from tests.builders.cast import DAY, NOW, Cast, wanted
from tests.builders.clock import FrozenClock

Absence = Callable[[Desk, Cast], Any]

TEN = "2027-02-01T07:10:00-05:00"
"""Ten minutes after now, in New York."""


def closes(desk: Desk, cast: Cast) -> Any:
    return closing(desk, cast, date="2027-02-23")


def leaves(desk: Desk, cast: Cast) -> Any:
    span = {"starts_at": TUESDAY.isoformat(), "ends_at": (TUESDAY + DAY).isoformat()}
    return desk.post(f"/practitioners/{cast.ana}/absence-proposals", span)


def breaks(desk: Desk, cast: Cast) -> Any:
    span = {"starts_at": TUESDAY.isoformat(), "ends_at": (TUESDAY + DAY).isoformat()}
    return desk.post(f"/rooms/{cast.beds[0]}/absence-proposals", span)


def hold(database: Database, cast: Cast, *starts: datetime) -> int:
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        kept, _ = holds.keep(session, back, wanted(*starts), origin="192.0.2.1", now=NOW)
        return stored_id(kept.id)


def held(database: Database) -> list[int | None]:
    with database.transaction(write=False) as session:
        return list(session.exec(select(Hold.id)))


@pytest.mark.both_databases
@pytest.mark.parametrize("absence", [closes, leaves, breaks])
@pytest.mark.parametrize("booked", [True, False])
def test_a_hold_hinders_no_proposal_and_is_let_go_if_so_wished(
    desk: Desk, database: Database, cast: Cast, absence: Absence, *, booked: bool
) -> None:
    hold(database, cast, TUESDAY + timedelta(hours=1))
    if booked:
        book(desk, cast, cast.ann, [TUESDAY])
    before = everything(database)

    answer = absence(desk, cast)

    assert answer.status_code == 201, answer.text
    proposal = answer.json()
    assert (proposal["held_until"], len(proposal["sessions"])) == (TEN, int(booked))
    refused = desk.post(confirmation(proposal))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/held-just-now")
    fresh = refused.json()["proposal"]
    assert (fresh["id"] > proposal["id"], fresh["held_until"]) == (True, TEN)
    rehearsed = desk.post(f"{confirmation(fresh)}?dry_run=true", {"held": "release"})
    assert rehearsed.status_code == 200, rehearsed.text
    after = everything(database)
    assert all(after[table] == before[table] for table in ("appointments", "diary", "holds"))

    done = desk.post(confirmation(fresh), {"held": "release"})

    assert done.status_code == 200, done.text
    assert held(database) == []


@pytest.mark.both_databases
def test_when_the_hold_has_lapsed_the_same_proposal_goes_through(
    desk: Desk, database: Database, cast: Cast, clock: FrozenClock
) -> None:
    book(desk, cast, cast.ann, [TUESDAY])
    proposal = closes(desk, cast).json()
    assert proposal["held_until"] is None
    hold(database, cast, TUESDAY + timedelta(hours=1))
    fresh = desk.post(confirmation(proposal)).json()["proposal"]
    assert fresh["held_until"] == TEN

    clock.move(minutes=11)

    assert desk.post(confirmation(fresh)).status_code == 200


@pytest.mark.both_databases
def test_a_hold_where_a_session_was_to_go_yields_another_place(
    desk: Desk, database: Database, cast: Cast
) -> None:
    book(desk, cast, cast.ann, [TUESDAY])
    proposal = closes(desk, cast).json()
    [place] = [appointment["to"] for appointment in proposal["sessions"]]
    kept = hold(database, cast, datetime.fromisoformat(place["starts_at"]))

    outdated = desk.post(confirmation(proposal), {"held": "release"})

    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    fresh = outdated.json()["proposal"]
    [other] = [violation["to"] for violation in fresh["sessions"]]
    assert other is not None
    assert other != place
    assert desk.post(confirmation(fresh)).status_code == 200
    assert held(database) == [kept]


def test_who_has_booked_what_they_held_is_in_the_fresh_proposal(
    desk: Desk, database: Database, cast: Cast
) -> None:
    book(desk, cast, cast.ann, [TUESDAY])
    kept = hold(database, cast, TUESDAY + timedelta(hours=1))
    proposal = closes(desk, cast).json()
    with database.transaction() as session:
        holds.release(session, kept)
    book(desk, cast, cast.bob, [TUESDAY + timedelta(hours=1)])

    outdated = desk.post(confirmation(proposal), {"held": "release"})

    assert outdated.json()["type"] == "/problems/outdated-proposal"
    fresh = outdated.json()["proposal"]
    assert ([violation["patient_id"] for violation in fresh["sessions"]], fresh["held_until"]) == (
        [cast.ann, cast.bob],
        None,
    )
    assert desk.post(confirmation(fresh)).status_code == 200
