"""Staff never wait for a plan: booking forms plan before they take their turn to write."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import select

from scheduler.booking.models import Enquiry
from scheduler.booking.planning import plan_course
from scheduler.clinic.models import Room
from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.web.conftest import Visitor

TIME_TO_WRITE = 10
"""Seconds after which a writer that waits for a plan counts as stuck."""


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch, database: Database, cast: Cast) -> Iterator[list[str]]:
    """While each plan is made, somebody else renames a bed. The names that were written."""
    written: list[str] = []
    propose = plan_course.proposal

    def rename() -> None:
        with database.transaction() as session:
            name = f"Bed {len(written) + 10}"
            session.get_one(Room, cast.beds[0]).name = name
        written.append(name)

    with ThreadPoolExecutor(1) as others:

        def proposal(*about: Any, **asked: Any) -> Any:
            others.submit(rename).result(timeout=TIME_TO_WRITE)
            return propose(*about, **asked)

        monkeypatch.setattr(plan_course, "proposal", proposal)
        yield written


@pytest.mark.both_databases
def test_others_write_while_wishes_are_planned(visitor: Visitor, writes: list[str]) -> None:
    visitor.reach("wishes")

    answer = visitor.post("wishes", visitor.wishes)

    assert answer.headers["location"] == f"{visitor.base}/plan"
    assert writes == ["Bed 10"]


@pytest.mark.parametrize("how", ["later", "week", "earlier_end"])
def test_others_write_while_another_plan_is_made(
    visitor: Visitor, writes: list[str], how: str
) -> None:
    visitor.reach("plan")
    before = len(writes)

    answer = visitor.post("replan", {"how": how})

    assert answer.headers["location"] == f"{visitor.base}/plan"
    assert len(writes) == before + 1


def test_a_plan_whose_times_were_taken_since_is_made_once_more(
    visitor: Visitor, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.reach("wishes")
    rival = Visitor(visitor.client, database, cast)
    propose, rivals = plan_course.proposal, [rival]

    def proposal(*about: Any, **asked: Any) -> Any:
        found = propose(*about, **asked)
        if rivals:
            rivals.pop().reach("plan")
        return found

    monkeypatch.setattr(plan_course, "proposal", proposal)

    answer = visitor.post("wishes", visitor.wishes)

    assert answer.headers["location"] == f"{visitor.base}/plan"
    with database.transaction(write=False) as session:
        first, second = (
            {(planned.starts_at, planned.room_id) for planned in enquiry.sessions}
            for enquiry in session.exec(select(Enquiry))
        )
    assert len(first) == len(second) == 10
    assert not first & second
