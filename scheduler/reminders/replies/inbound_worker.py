"""Takes in what patients texted and nobody brought us, and reads again what could not be read."""

import logging

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from scheduler.infra.clock import Clock
from scheduler.infra.errors import Unavailable
from scheduler.reminders.replies import backfill, handle, inbound
from scheduler.sms.sender import Inbox, Received, Refused, TryLater
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

TRIES = 3
"""How often a text is read in one go, where somebody else is just changing what it is about."""

AT_ONCE = 20


class Listener:
    """One worker's ears. `look` and `read` are each called by one thread at a time."""

    def __init__(self, database: Database, inbox: Inbox | None, clock: Clock) -> None:
        self._database = database
        self._inbox = inbox
        self._clock = clock

    def look(self) -> None:
        """Read the carrier's list. Its mark moves on only past what is kept here."""
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
            LOG.warning("replies could not be looked for: %s", problem.sentence)
            return
        with self._database.transaction(write=False) as session:
            texts = backfill.missed(session, received, now=now)
        are_kept = [self._take_in(text) for text in texts]
        if all(are_kept):
            with self._database.transaction() as session:
                backfill.end_look(session, began_at=now)

    def _take_in(self, text: Received) -> bool:
        """Keep a text and read it; whether it is kept. The others come all the same."""
        try:
            with self._database.transaction() as session:
                reply_id = backfill.keep(session, text, now=self._clock.now())
        except (Busy, Unavailable):
            raise  # the next look begins where this one did
        except Exception:
            LOG.exception("the reply %s could not be kept", text.sid)
            return False
        if reply_id is not None:
            self._read(reply_id)
        return True

    def read(self) -> None:
        """Read what is kept and nobody has come to an end with."""
        with self._database.transaction(write=False) as session:
            if not inbound.wait(session, now=self._clock.now()):
                return
        with self._database.transaction() as session:
            reply_ids = inbound.take(session, now=self._clock.now(), limit=AT_ONCE)
        for reply_id in reply_ids:
            self._read(reply_id)

    def _read(self, reply_id: int) -> None:
        """Read one; where the program fails on it, the others are read all the same."""
        for again in reversed(range(TRIES)):
            try:
                with self._database.transaction() as session:
                    handle.read(session, reply_id, now=self._clock.now())
            except (Busy, StaleDataError, IntegrityError):
                LOG.warning("reply %d met another change, %d tries left", reply_id, again)
            except Unavailable:
                raise
            except Exception:
                LOG.exception("the reply %d could not be read", reply_id)
                return
            else:
                return
