"""The sweep: workers are killed and frozen at every point, again and again, until all is sent."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path

from sqlmodel import col, func, select

from scheduler.infra.clock import SystemClock
from scheduler.reminders.models import Message, MessageState
from scheduler.storage.database import Database, stored_id
from tests.builders.world import open_clinic
from tests.kill.sweeper import IN_CALL, LEASE
from tests.standin import Fault, Standin

ROOT = Path(__file__).resolve().parent.parent.parent
POINTS = ("after-claim", "after-intent", IN_CALL, "after-answer", "after-settle")
FROZEN_FOR = LEASE.total_seconds() + 1
AWAKE_FOR = 2.0
"""How long one that was frozen may go on, to do what harm it can; then it is ended."""

PATIENCE = 900.0
"""Seconds; far more than it takes, for a machine that has much else to do."""

OPEN = {MessageState.OWED, MessageState.SENDING, MessageState.UNKNOWN}
STEADY = "none"


@dataclass(frozen=True)
class Trap:
    """A signal at the nth pass of a point."""

    point: str = STEADY
    nth: int = 0
    signal: str = "SIGKILL"


@dataclass
class Figures:
    """The result of the sweep."""

    messages: int
    kills: int = 0
    stops: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    states: dict[str, int] = field(default_factory=dict)


def traps(number: int, points: Sequence[str] = POINTS) -> list[Trap]:
    """Alternate kills and freezes over all points, at the first to third pass."""
    return [
        Trap(
            points[index // 2 % len(points)],
            1 + index // (2 * len(points)) % 3,
            ("SIGKILL", "SIGSTOP")[index % 2],
        )
        for index in range(number)
    ]


def sweep(
    url: str,
    *,
    messages: int,
    set_traps: Sequence[Trap],
    workers: int = 3,
    design: str = "ours",
    faults: bool = True,
    ahead: Sequence[float] = (0,),
) -> Figures:
    """Send all messages through workers that walk into the traps, and count what arrived.

    `ahead`: by how many minutes the clocks of their machines are, in turn.
    """
    database = Database(url)
    owe(database, messages, useful=timedelta(hours=2))
    figures, began, began_at = Figures(messages), time.monotonic(), SystemClock().now()
    with Standin() as carrier:
        carrier.fail_next(*_troubles(messages, faults=faults))
        crew = _Crew([url, carrier.url, design], list(reversed(set_traps)), figures, cycle(ahead))
        try:
            for _ in range(workers):
                crew.hire()
            while _are_open(database, began_at) and time.monotonic() - began < PATIENCE:
                crew.look_after()
                time.sleep(0.05)
        finally:
            crew.dismiss()
        arrived = Counter(message.to for message in carrier.messages)
    figures.lost = messages - len(arrived)
    figures.doubled = sum(number - 1 for number in arrived.values())
    figures.seconds = time.monotonic() - began
    with database.transaction(write=False) as session:
        counted = select(Message.state, func.count()).group_by(col(Message.state))
        figures.states = dict(session.exec(counted).all())
    database.close()
    return figures


class _Crew:
    """The workers that live, and the traps that are left for those that come after them."""

    def __init__(
        self,
        arguments: list[str],
        traps: list[Trap],
        figures: Figures,
        ahead: Iterator[float],
    ) -> None:
        self._ahead = ahead
        self._arguments = arguments
        self._traps = traps
        self._figures = figures
        self._living: list[subprocess.Popen[bytes]] = []
        self._frozen: dict[int, float] = {}
        self._woken: dict[int, float] = {}

    def hire(self) -> None:
        trap = self._traps.pop() if self._traps else Trap()
        self._living.append(
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.kill.sweeper",
                    *self._arguments,
                    trap.point,
                    str(trap.nth),
                    trap.signal,
                    str(next(self._ahead)),
                ],
                cwd=ROOT,
            )
        )

    def look_after(self) -> None:
        """Wake workers that were frozen beyond their lease; replace dead and woken workers."""
        for pid, until in list(self._frozen.items()):
            if time.monotonic() >= until:
                os.kill(pid, signal.SIGCONT)
                del self._frozen[pid]
                self._woken[pid] = time.monotonic() + AWAKE_FOR
        for pid, until in list(self._woken.items()):
            if time.monotonic() >= until:
                os.kill(pid, signal.SIGKILL)
        for process in list(self._living):
            pid, status = os.waitpid(process.pid, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                continue
            if os.WIFSTOPPED(status):
                self._figures.stops += 1
                self._frozen[pid] = time.monotonic() + FROZEN_FOR
                self.hire()
                continue
            process.returncode = os.waitstatus_to_exitcode(status)
            self._living.remove(process)
            if process.returncode != -signal.SIGKILL:
                raise AssertionError(f"a worker ended by itself: {process.returncode}")
            if self._woken.pop(pid, None) is None:
                self._figures.kills += 1
                self.hire()

    def dismiss(self) -> None:
        for process in self._living:
            process.kill()
        for process in self._living:
            process.wait()


def owe(database: Database, number: int, *, useful: timedelta, at: datetime | None = None) -> None:
    """Texts that follow no calendar, due now or at an instant, each to a phone of its own."""
    now = SystemClock().now()
    with database.transaction() as session:
        clinic_id = stored_id(open_clinic(session, "Willow").id)
        session.add_all(
            Message(
                clinic_id=clinic_id,
                key=f"note:{clinic_id}:{index}",
                kind="help",
                phone=f"+1212{clinic_id * 10_000 + index + 2_000_000:07}",
                text=f"Text {index}",
                due_at=at or now,
                expires_at=now + useful,
                created_at=now,
            )
            for index in range(number)
        )


def _troubles(number: int, *, faults: bool) -> Iterator[Fault]:
    """Each call takes a moment; one in ten goes wrong in one of the ways there are."""
    wrong = [
        Fault.broken(503),
        Fault.reset(accepts=True),
        Fault.broken(500, accepts=False),
        Fault.reset(accepts=False),
        Fault.too_many("1"),
        Fault.html(),
    ]
    for index in range(number):
        if faults and index % 10 == 9:
            yield wrong[index // 10 % len(wrong)]
        else:
            yield Fault.slow(0.05)


def _are_open(database: Database, now: datetime) -> bool:
    """Whether any text that was due when it began is not settled."""
    with database.transaction(write=False) as session:
        return (
            session.exec(
                select(Message.id)
                .where(col(Message.state).in_(OPEN), Message.due_at <= now)
                .limit(1)
            ).first()
            is not None
        )
