"""The chores that nobody asks for: derive, send, look up, tidy. APScheduler is the ticker only.

Its jobs live in memory: what is to be done stands in our own tables, so that any number of workers
may tick and a lost tick loses nothing.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlmodel import Session

from scheduler.booking.availability import holds
from scheduler.booking.models import WaitlistEntry
from scheduler.booking.planning import draft_bookings
from scheduler.booking.waitlist import entries, offers
from scheduler.clinic.models import Clinic
from scheduler.http import idempotency
from scheduler.infra.clock import Clock, SystemClock
from scheduler.infra.errors import Unavailable
from scheduler.infra.phone import masked
from scheduler.patients import lost_links
from scheduler.reminders.kinds import lost_links as link_texts
from scheduler.reminders.kinds import waitlist_offers as offer_texts
from scheduler.reminders.kinds import waitlist_pages
from scheduler.reminders.outbox import changed_phones, outbox
from scheduler.reminders.outbox.changed_phones import PhoneChange
from scheduler.reminders.replies.inbound_worker import InboundWorker
from scheduler.reminders.sending import claims
from scheduler.reminders.sending.attempts import Secrets
from scheduler.reminders.sending.dispatcher import Dispatcher, DispatcherConfig
from scheduler.sms.sender import Inbox, Sender
from scheduler.storage.database import Busy, Database, stored_id

LOG = logging.getLogger(__name__)

WATCH_SECONDS = 5
SWEEP_SECONDS = 600
LOOK_SECONDS = 10
LISTEN_SECONDS = 30
TIDY_SECONDS = 60
OFFER_SECONDS = 10
MOST_ROUNDS = 20
"""How often in one go whoever was too late for one free time is shown another."""


class Worker:
    """One process's share of the chores. `start` and `stop` it, or `tick` it by hand.

    `public_url`: where patients find their pages, and the carrier brings its receipts.
    `speed`: how many seconds of the clock pass in one of the machine's.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        clock: Clock,
        *,
        key: str,
        public_url: str,
        per_second: float | None = None,
        concurrency: int = 4,
        speed: float = 1.0,
        every: float = 1.0,
    ) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._key = key
        self._every = every
        self._dispatcher = Dispatcher(
            database,
            sender,
            clock,
            DispatcherConfig(
                worker=f"{os.getpid()}-{secrets.token_hex(4)}",
                secrets=Secrets(key, public_url),
                per_second=per_second,
                concurrency=concurrency,
                lease=claims.LEASE * max(1.0, speed),
            ),
        )
        self._inbound_worker = InboundWorker(
            database, sender if isinstance(sender, Inbox) else None, clock
        )
        self._ticker: BackgroundScheduler | None = None
        self._watch = threading.Thread(target=self._keep_ticking, name="watch", daemon=True)
        self._stopping = threading.Event()
        self._looked_at: datetime | None = None
        self._seen: set[PhoneChange] = set()
        self._deriving = threading.Lock()
        self.last_tick: datetime | None = None
        """When a look for changes last came to its end, by the clock; for the health page."""

    def start(self) -> None:
        """Begin to tick. What others left behind is found by their leases."""
        # A tick that finds the one before it still at work is no news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._ticker = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )
        for chore, seconds in (
            (self.derive, self._every),
            (self.find_links, self._every),
            (self.send, self._every),
            (self.offer, OFFER_SECONDS),
            (self.read, self._every),
            (self.look_up, LOOK_SECONDS),
            (self.listen, LISTEN_SECONDS),
            (self.tidy, TIDY_SECONDS),
            (self.sweep, SWEEP_SECONDS),
        ):
            self._ticker.add_job(
                _unbroken, "interval", [chore], seconds=seconds, next_run_time=SystemClock().now()
            )
        self._ticker.start()
        self._watch.start()

    def stop(self) -> None:
        """Take nothing new, finish what is under way, and return."""
        self._dispatcher.stop()
        self._stopping.set()
        if self._ticker is not None:
            self._watch.join()
            self._ticker.shutdown(wait=True)
        self._dispatcher.close()

    def _keep_ticking(self) -> None:
        """Watch the ticker by a clock that cannot be set."""
        while not self._stopping.wait(WATCH_SECONDS):
            _unbroken(self.set_right)

    def set_right(self) -> None:
        """Let each chore come now that is planned for later than its interval from now.

        The ticker goes by the wall clock: set back by an hour, it would rest for that hour.
        """
        now = SystemClock().now()
        for job in self._ticker.get_jobs() if self._ticker else []:
            if job.next_run_time > now + job.trigger.interval:
                job.modify(next_run_time=now)

    def tick(self) -> None:
        """Each chore once, in the caller's thread, errors and all: for tests and commands."""
        self.tidy()
        self.sweep()
        self.offer()
        self.read()
        self.derive()
        self.find_links()
        self.send()
        self.look_up()
        self.listen()

    def derive(self) -> None:
        """Bring the outbox in step with what has changed since the last look."""
        now = self._clock.now()
        with self._deriving:
            with self._database.transaction(write=False) as session:
                found = changed_phones.since(session, min(self._looked_at or now, now), now=now)
            for phones in outbox.in_batches(changed_phones.phones(found - self._seen)):
                self._derive_batch(phones, now)
            self._seen, self._looked_at = found, now
        self.last_tick = self._clock.now()

    def sweep(self) -> None:
        """Derive everything anew: what no change announced is found here."""
        after = ""
        while not self._stopping.is_set():
            now = self._clock.now()
            with self._database.transaction(write=False) as session:
                phones = outbox.next_phones(session, now=now, after=after)
            if not phones:
                return
            self._derive_batch(phones, now)
            after = phones[-1]

    def _derive_batch(self, phones: Collection[str], now: datetime) -> None:
        """Derive some phones; where one of them cannot be, all the others."""
        try:
            self._derive(phones, now)
        except (Busy, Unavailable):
            raise  # it is not one of the phones that is to blame
        except Exception:
            LOG.exception("some phones could not be derived together; each by itself then")
            for phone in phones:
                self._derive_one(phone, now)

    def _derive_one(self, phone: str, now: datetime) -> None:
        try:
            self._derive([phone], now)
        except (Busy, Unavailable):
            raise
        except Exception:
            LOG.exception("the texts of %s could not be derived", masked(phone))

    def _derive(self, phones: Collection[str], now: datetime) -> None:
        with self._database.transaction() as session:
            outbox.derive(session, phones, now=now)

    def offer(self) -> None:
        """Offer free times to those who wait for them; end what is over; let them be told."""
        now = self._clock.now()
        with self._database.transaction(write=False) as session:
            due = [stored_id(entry.id) for entry in offers.due(session, now=now)]
        for entry_id in due:
            self._for_entry(entry_id, partial(offers.expire, now=now))
        # Only now: what has become free with that goes by the same order.
        for _ in range(MOST_ROUNDS):
            if not self._offer_round(now):
                break
        with self._database.transaction(write=False) as session:
            in_step = offer_texts.is_in_step(session, now=now)
        if not in_step:
            with self._database.transaction() as session:
                offer_texts.keep_in_step(session, self._key, now=now)

    def _offer_round(self, now: datetime) -> int:
        """Offer to each the best for them, in their order; to how many."""
        with self._database.transaction(write=False) as session:
            clinic_ids = sorted({entry.clinic_id for entry in entries.open_entries(session)})
            found = [
                (stored_id(entry.id), chosen)
                for clinic_id in clinic_ids
                if offer_texts.may_text(session.get_one(Clinic, clinic_id), now=now)
                for entry, chosen in offers.possible(session, clinic_id, now=now)
            ]
        return sum(
            self._for_entry(entry_id, partial(offers.make, chosen=chosen, now=now))
            for entry_id, chosen in found
        )

    def _for_entry(self, entry_id: int, deed: Callable[[Session, WaitlistEntry], object]) -> bool:
        """Do something for one who waits; where it cannot be done, the others get theirs."""
        try:
            with self._database.transaction() as session:
                return bool(deed(session, session.get_one(WaitlistEntry, entry_id)))
        except (Busy, Unavailable):
            raise
        except Exception:
            LOG.exception("nothing could be done for entry %d of the waitlist", entry_id)
            return False

    def find_links(self) -> None:
        """Owe private links to those who have lost theirs, or have just come onto the waitlist."""
        now = self._clock.now()
        with self._database.transaction(write=False) as session:
            are_lost = lost_links.is_any_waiting(session)
            wait = waitlist_pages.is_any_missing(session, now=now)
        if are_lost:
            with self._database.transaction() as session:
                link_texts.answer(session, now=now)
        if wait:
            with self._database.transaction() as session:
                waitlist_pages.owe_missing(session, now=now)

    def send(self) -> None:
        """Send what is due."""
        self._dispatcher.send_due()

    def look_up(self) -> None:
        """Find out what became of texts of which nothing more was heard."""
        self._dispatcher.look_up()

    def listen(self) -> None:
        """Find what patients texted and nobody brought us, as while we were down."""
        self._inbound_worker.look()

    def read(self) -> None:
        """Read again what patients texted and could not be read when it came."""
        self._inbound_worker.read()

    def tidy(self) -> None:
        """Let go of what nobody will come back for."""
        now = self._clock.now()
        with self._database.transaction() as session:
            holds.release_lapsed(session, now=now)
            draft_bookings.forget_old(session, now=now)
            idempotency.forget_old(session, now=now)
            lost_links.forget_old(session, now=now)
        self._database.clear_log()


def _unbroken(chore: Callable[[], None]) -> None:
    """The outermost loop: whatever goes wrong in one tick, the next one comes."""
    try:
        chore()
    except Exception:
        LOG.exception("the chore %s failed; it is tried again", chore.__name__)
