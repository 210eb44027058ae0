"""What is free at one moment, looked up once for all who ask: day by day, a fortnight at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler.booking.availability import search
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources
from scheduler.booking.pace.planner import Opening
from scheduler.clinic.models import Treatment

FORTNIGHT = 14
"""Days that are searched in one go: who is helped by the first ones needs no more."""

Days = dict[date, list[Opening]]


class Board:
    """Free times of treatments, whoever the patient is. Good within one transaction's look.

    `asked_at`: the moment from which a treatment's notice counts. `leaving`: what is overlooked.
    """

    def __init__(
        self,
        session: Session,
        *,
        now: datetime,
        asked_at: datetime,
        leaving: Ignoring = IGNORE_NOTHING,
    ) -> None:
        self._session = session
        self._now = now
        self._asked_at = asked_at
        self._leaving = leaving
        self._means: dict[int, Resources] = {}
        self._blocks: dict[tuple[int, int], Days] = {}

    def means(self, treatment_id: int) -> Resources:
        """Who and what can give a treatment."""
        if treatment_id not in self._means:
            treatment = self._session.get_one(Treatment, treatment_id)
            self._means[treatment_id] = search.resources(self._session, treatment)
        return self._means[treatment_id]

    def days(
        self, means: Resources, first: date, last: date, *, but: Collection[date] = ()
    ) -> Iterator[Sequence[Opening]]:
        """The openings of each day from the first to the last, in order; nothing of `but`."""
        today = self._now.astimezone(means.zone).date()
        last = min(last, today + timedelta(days=means.treatment.horizon_days))
        day = max(first, today)
        while day <= last:
            if day not in but:
                yield self._block(means, today, (day - today).days // FORTNIGHT).get(day, ())
            day += timedelta(days=1)

    def day(self, means: Resources, day: date, leaving: Ignoring) -> Sequence[Opening]:
        """The openings of one day for somebody whose own session on it is overlooked."""
        return self._search(means, day, day, leaving).get(day, ())

    def _block(self, means: Resources, today: date, number: int) -> Days:
        key = (means.treatment.id or 0, number)
        if key not in self._blocks:
            first = today + timedelta(days=FORTNIGHT * number)
            last = first + timedelta(days=FORTNIGHT - 1)
            self._blocks[key] = self._search(means, first, last, self._leaving)
        return self._blocks[key]

    def _search(self, means: Resources, first: date, last: date, leaving: Ignoring) -> Days:
        free = search.free_slots(
            self._session,
            means,
            first=first,
            last=last,
            now=self._asked_at,
            leaving=leaving,
        )
        found: Days = defaultdict(list)
        for opening in search.openings(free, means.zone):
            found[opening.day].append(opening)
        return found
