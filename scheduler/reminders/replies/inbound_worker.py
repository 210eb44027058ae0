"""Fetches texts that the carrier did not deliver, and retries texts that could not be read."""

import logging

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from scheduler.infra.clock import Clock
from scheduler.infra.errors import Unavailable
from scheduler.reminders.replies import backfill, handle, inbound
from scheduler.sms.sender import Inbox, Received, Refused, TryLater
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

READ_TRIES = 3
"""Tries in a row for a text whose appointment is being changed by another transaction."""

TEXTS_PER_ROUND = 20


class InboundWorker:
    """Reads incoming texts for one worker.

    `look` and `read` are each called by one thread at a time.
    """

    def __init__(self, database: Database, inbox: Inbox | None, clock: Clock) -> None:
        self._database = database
        self._inbox = inbox
        self._clock = clock

    def look(self) -> None:
        """Read the carrier's list. The position advances only past texts that are stored."""
        if self._inbox is None:
            return
        now = self._clock.now()
        with self._database.transaction() as session:
            since = backfill.begin_look(session, now=now)
        if since is None:
            return
        try:
            received = self._inbox.received(since=since)
        except (TryLater, Refused) as problem:
            LOG.warning("the carrier's list of replies could not be read: %s", problem.sentence)
            return
        with self._database.transaction(write=False) as session:
            texts = backfill.missed(session, received, now=now)
        are_stored = [self._store(text) for text in texts]
        if all(are_stored):
            with self._database.transaction() as session:
                backfill.end_look(session, began_at=now)

    def _store(self, text: Received) -> bool:
        """Store a text and read it. Returns whether it is stored; an error stops no other text."""
        try:
            with self._database.transaction() as session:
                reply_id = backfill.store(session, text, now=self._clock.now())
        except (Busy, Unavailable):
            raise  # the next look starts at the same position
        except Exception:
            LOG.exception("the reply %s could not be stored", text.sid)
            return False
        if reply_id is not None:
            self._read(reply_id)
        return True

    def read(self) -> None:
        """Read stored texts that no process has finished reading."""
        with self._database.transaction(write=False) as session:
            if not inbound.is_any_due(session, now=self._clock.now()):
                return
        with self._database.transaction() as session:
            reply_ids = inbound.claim(session, now=self._clock.now(), limit=TEXTS_PER_ROUND)
        for reply_id in reply_ids:
            self._read(reply_id)

    def _read(self, reply_id: int) -> None:
        """Read one text. A failure does not stop the other texts."""
        for tries_left in reversed(range(READ_TRIES)):
            try:
                with self._database.transaction() as session:
                    handle.read(session, reply_id, now=self._clock.now())
            except (Busy, StaleDataError, IntegrityError):
                LOG.warning("reply %d met another change, %d tries left", reply_id, tries_left)
            except Unavailable:
                raise
            except Exception:
                LOG.exception("the reply %d could not be read", reply_id)
                return
            else:
                return
