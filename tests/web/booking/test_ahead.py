"""Staff never wait for a plan: booking forms plan before they take their turn to write."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from typing import cast as cast_type

import anyio
import pytest
from fastapi import FastAPI
from sqlmodel import select

from scheduler.booking.availability import holds
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.models import Enquiry
from scheduler.booking.planning import plan_course
from scheduler.clinic.models import Room, Treatment
from scheduler.http.context import Context
from scheduler.infra.intervals import instant_of
from scheduler.storage.database import Database
from scheduler.web.booking import ahead
from tests.builders.cast import NOW, Cast
from tests.web.conftest import Visitor, text_of

TIME_TO_WRITE = 10
"""Seconds after which a writer that waits for a plan counts as stuck."""


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch, database: Database, cast: Cast) -> Iterator[list[str]]:
    """While each plan is made, a staff member renames a bed. The names that were written."""
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
    propose = plan_course.proposal
    taken: list[tuple[int, int]] = []

    def proposal(*about: Any, **asked: Any) -> Any:
        found = propose(*about, **asked)
        if not taken:
            first = found.plan.sessions[0].opening
            taken.append((first.starts_at, first.practitioner_id))
            with database.transaction() as session:
                wanted = [RequestedTime(1, instant_of(first.starts_at), first.practitioner_id)]
                back = session.get_one(Treatment, cast.back)
                holds.keep(session, back, wanted, origin="", now=NOW)
        return found

    monkeypatch.setattr(plan_course, "proposal", proposal)

    answer = visitor.post("wishes", visitor.wishes)

    assert answer.headers["location"] == f"{visitor.base}/plan"
    with database.transaction(write=False) as session:
        planned = session.exec(select(Enquiry)).one().sessions
    assert len(planned) == 10
    assert taken[0] not in {(one.starts_at, one.practitioner_id) for one in planned}


def test_who_finds_no_place_to_plan_is_asked_to_try_again_and_loses_nothing(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.reach("wishes")
    app = cast_type("FastAPI", visitor.client.app)
    context: Context = app.state.context

    with monkeypatch.context() as crowded:
        crowded.setattr(ahead, "LONGEST_WAIT", 0)
        app.state.context = replace(context, planning=anyio.Semaphore(0))
        full = visitor.post("wishes", visitor.wishes)
    app.state.context = context
    again = visitor.post("wishes", visitor.wishes)

    assert (full.status_code, full.headers["Retry-After"]) == (429, "0")
    assert "Many people are planning a course right now." in text_of(full)
    assert again.headers["location"] == f"{visitor.base}/plan"


def test_a_button_of_a_plan_that_another_tab_has_changed_does_nothing(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.reach("plan")
    tabs = ["the other tab"]
    propose = plan_course.proposal

    def proposal(*about: Any, **asked: Any) -> Any:
        if tabs:
            tabs.pop()
            with visitor.database.transaction() as session:
                enquiry = session.exec(select(Enquiry)).one()
                enquiry.answers = enquiry.answers.model_copy(update={"accepted": True})
        return propose(*about, **asked)

    monkeypatch.setattr(plan_course, "proposal", proposal)
    before = visitor.get("plan").text

    answer = visitor.post("replan", {"how": "later"})

    assert answer.headers["location"] == f"{visitor.base}/plan"
    with visitor.database.transaction(write=False) as session:
        assert session.exec(select(Enquiry)).one().answers.accepted is True
    assert visitor.get("plan").text == before
