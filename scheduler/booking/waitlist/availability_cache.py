"""Caches the free times of one moment, so that many waiting patients share one search."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler.booking.availability import search
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources
from scheduler.booking.pace.planner import Opening
from scheduler.clinic.models import Treatment

BLOCK_DAYS = 14
"""Days that one search covers. Most waiting patients find a time in the first block."""

Days = dict[date, list[Opening]]


class AvailabilityCache:
    """Free times of treatments for any patient, valid within one transaction.

    `asked_at`: the instant from which a treatment's notice counts. `ignoring`: diary entries that
    count as free.
    """

    def __init__(
        self,
        session: Session,
        *,
        now: datetime,
        asked_at: datetime,
        ignoring: Ignoring = IGNORE_NOTHING,
    ) -> None:
        self._session = session
        self._now = now
        self._asked_at = asked_at
        self._ignoring = ignoring
        self._resources: dict[int, Resources] = {}
        self._blocks: dict[tuple[int, int], Days] = {}

    def resources(self, treatment_id: int) -> Resources:
        """The practitioners and rooms of a treatment."""
        if treatment_id not in self._resources:
            treatment = self._session.get_one(Treatment, treatment_id)
            self._resources[treatment_id] = search.find_resources(self._session, treatment)
        return self._resources[treatment_id]

    def days(
        self, resources: Resources, first: date, last: date, *, but: Collection[date] = ()
    ) -> Iterator[Sequence[Opening]]:
        """The openings of each day from first to last, in order, without the days in `but`."""
        today = self._now.astimezone(resources.zone).date()
        last = min(last, today + timedelta(days=resources.treatment.horizon_days))
        day = max(first, today)
        while day <= last:
            if day not in but:
                yield self._block(resources, today, (day - today).days // BLOCK_DAYS).get(day, ())
            day += timedelta(days=1)

    def day(self, resources: Resources, day: date, ignoring: Ignoring) -> Sequence[Opening]:
        """The openings of one day, if the patient's own appointment on it counts as free."""
        return self._search(resources, day, day, ignoring).get(day, ())

    def _block(self, resources: Resources, today: date, number: int) -> Days:
        key = (resources.treatment.id or 0, number)
        if key not in self._blocks:
            first = today + timedelta(days=BLOCK_DAYS * number)
            last = first + timedelta(days=BLOCK_DAYS - 1)
            self._blocks[key] = self._search(resources, first, last, self._ignoring)
        return self._blocks[key]

    def _search(self, resources: Resources, first: date, last: date, ignoring: Ignoring) -> Days:
        free = search.free_slots(
            self._session,
            resources,
            first=first,
            last=last,
            now=self._asked_at,
            ignoring=ignoring,
        )
        found: Days = defaultdict(list)
        for opening in search.openings(free, resources.zone):
            found[opening.day].append(opening)
        return found
