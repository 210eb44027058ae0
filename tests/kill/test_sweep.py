"""Workers are killed and frozen at every point between claim and settlement.

Small by default; with CHAOS=full as large as the promise: `make chaos`.
"""

import sys
from datetime import timedelta

import pytest
from sqlmodel import select

from scheduler.infra.clock import SystemClock
from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from tests.kill.sweep import Figures, owe, sweep, traps
from tests.support.chaos import FULL


def figures_of(url: str) -> Figures:
    if FULL:
        return sweep(url, messages=720, set_traps=traps(90))
    return sweep(url, messages=32, set_traps=traps(10))


@pytest.mark.both_databases
def test_nothing_is_lost_and_nothing_is_doubled(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = figures_of(database_url)

    if FULL:
        with capsys.disabled():
            sys.stdout.write(f"\n{database_url.partition(':')[0]}: {figures}\n")
    assert (figures.lost, figures.doubled) == (0, 0)
    assert figures.states == {"sent": figures.messages}
    assert figures.kills + figures.stops >= (60 if FULL else 6)


@pytest.mark.chaos
def test_workers_whose_machines_differ_by_ten_minutes_send_nothing_twice_and_nothing_early(
    postgresql_url: str,
) -> None:
    """They go by the database's clock. The wrong ones are in turn five ahead and five behind."""
    database = Database(postgresql_url)
    owe(database, 3, useful=timedelta(hours=2), at=SystemClock().now() + timedelta(minutes=4))

    figures = sweep(
        postgresql_url,
        messages=120 if FULL else 12,
        set_traps=traps(30 if FULL else 4, ["after-claim", "after-intent"]),
        ahead=(5, -5),
    )

    with database.transaction(write=False) as session:
        early = session.exec(
            select(Message.state).where(Message.due_at > SystemClock().now())
        ).all()
    database.close()
    assert (figures.lost, figures.doubled) == (0, 0)
    assert figures.kills + figures.stops >= (20 if FULL else 3)
    assert early == ["owed"] * 3


@pytest.mark.chaos
def test_a_design_that_marks_before_it_sends_is_seen_to_lose(sqlite_url: str) -> None:
    figures = sweep(
        sqlite_url,
        messages=16,
        set_traps=traps(4, ["after-intent"])[::2],
        design="mark-before",
        faults=False,
    )

    assert figures.kills == 2
    assert figures.lost >= 1


@pytest.mark.chaos
def test_a_design_that_marks_after_it_sends_is_seen_to_double(sqlite_url: str) -> None:
    figures = sweep(
        sqlite_url,
        messages=16,
        set_traps=traps(4, ["after-answer"])[::2],
        design="mark-after",
        faults=False,
    )

    assert figures.kills == 2
    assert figures.doubled >= 1
