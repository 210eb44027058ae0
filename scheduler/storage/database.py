"""Engine, transactions and column types; knows nothing of clinics.

One `Database` is made by each root. A transaction is opened at the edge (a request, a tick of the
worker, a command) and committed there, once.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from typing import cast as as_if

import anyio
from sqlalchemy import DateTime, Dialect, Engine, Integer, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, Session, SQLModel

from scheduler.infra.errors import Misconfigured, Unavailable
from scheduler.storage import sqlite_file
from scheduler.storage.sqlite_file import Turn

WAIT_SECONDS = 5.0
"""How long a writer waits in all before it is told to come back: for its turn in this process, and
then for whoever writes to an SQLite file from outside."""
LEAST_SECONDS = 0.1
"""How long it waits for the file when the wait for its turn took the whole time."""

FAULT_SECONDS = 60.0
"""How long after a fault of storage a process says that it is not well."""

Known = TypeVar("Known")

# Alembic can only change a constraint that has a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Busy(Exception):
    """Somebody else was writing the same rows. The whole story may be tried again."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite forgets zones, so naive values are refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class names it
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class names it
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Versioned(SQLModel):
    """A row that two people may change at once: the later one is told (`Stale`)."""

    version: int = Field(default=1, nullable=False, sa_type=Integer)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy calls it with the class
        return {"version_id_col": cls.__table__.c.version} if hasattr(cls, "__table__") else {}


class Database:
    """One engine and the manners of its kind.

    `url`: an SQLAlchemy URL, SQLite (a file) or PostgreSQL. Raises Misconfigured for another.
    `patience`: seconds that the first writer waits for an SQLite file.
    """

    def __init__(self, url: str, *, pool_size: int = 10, patience: float = WAIT_SECONDS) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as problem:
            raise Misconfigured("DATABASE_URL cannot be read as the address of a database.") from (
                problem
            )
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        kind = parsed.get_backend_name()
        if kind not in {"sqlite", "postgresql"}:
            raise Misconfigured("DATABASE_URL must name an SQLite or a PostgreSQL database.")
        self.url = parsed
        self.is_sqlite = kind == "sqlite"
        self._line = anyio.Lock()
        self._patience = patience
        """How long the one who has the turn may wait for the file."""
        self._file: tuple[int, int] | None = None
        # Only whoever writes to SQLite asks for it.
        self._turn = Turn(Path(self.url.database or "none"))
        self._failed: tuple[float, str] | None = None
        self.engine = self._sqlite() if self.is_sqlite else self._postgresql(pool_size)

    def _sqlite(self) -> Engine:
        if self.url.database in {None, "", ":memory:"}:
            raise Misconfigured("DATABASE_URL must name a file: SQLite in memory is lost at once.")
        engine = create_engine(
            self.url, hide_parameters=True, connect_args={"timeout": self._patience}
        )
        event.listen(engine, "do_connect", self._refuse_another_file)
        event.listen(engine, "connect", sqlite_file.set_up)
        event.listen(engine, "connect", self._remember_file)
        event.listen(engine, "begin", self._begin_sqlite)
        return engine

    def _postgresql(self, pool_size: int) -> Engine:
        return create_engine(
            self.url,
            # What is written is about patients: an error in a log must not quote it.
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=WAIT_SECONDS,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
        )

    def check_file(self) -> None:
        """Unavailable if the SQLite file that was opened lies at its address no more.

        Connections would go on writing to a file that was taken away, and lose it all.
        """
        if self._file is not None and self._file != self._file_there():
            raise Unavailable

    def _refuse_another_file(self, *_: Any) -> None:
        # A new connection would make an empty file where the old one was.
        self.check_file()

    def _remember_file(self, *_: Any) -> None:
        if self._file is None:
            self._file = self._file_there()

    def _file_there(self) -> tuple[int, int] | None:
        try:
            found = Path(self.url.database or "").stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def make_folder(self) -> None:
        """The folder that an SQLite file is to lie in, readable by its owner alone.

        Misconfigured if it is of the network: locks are not to be relied on there.
        """
        if self.is_sqlite and self.url.database:
            sqlite_file.check_place(Path(self.url.database))
            Path(self.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[Session]:
        """A session that commits at the end, or rolls back and raises.

        For threads; a request takes its turn first (`turn`) and then calls `unit`.
        """
        if not (write and self.is_sqlite):
            with self.unit(write=write) as session:
                yield session
            return
        with self.alone(), self.unit(write=write) as session:
            yield session

    @contextmanager
    def alone(self, patience: float | None = None) -> Iterator[None]:
        """Be the one who writes to SQLite, in all processes. Unavailable if the turn does not come.

        `patience`: seconds; by default as long as any writer waits. At once on PostgreSQL.
        """
        if not self.is_sqlite:
            yield
            return
        came = time.monotonic()
        if not self._turn.acquire(timeout=WAIT_SECONDS if patience is None else patience):
            raise Unavailable
        if patience is None:
            self._spend(came)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def unit(self, *, write: bool) -> Iterator[Session]:
        """The transaction itself; whoever writes to SQLite holds the turn already.

        Busy: try again from the start. Unavailable: there is nothing to be had by trying at once.
        """
        if write:
            self.check_file()
        begun = False
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                session.connection(execution_options={"reads_only": not write})
                begun = True
                yield session
        except PoolTimeout as problem:
            raise Unavailable from problem
        except DBAPIError as problem:
            meaning = translated(problem)
            if fault := storage_fault(problem):
                self._failed = time.monotonic(), fault
            if isinstance(meaning, Busy) and not begun:
                # Another process is writing, and we have waited our time for it already.
                raise Unavailable from problem
            raise meaning from problem

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait to be the one writer of SQLite without holding a thread; at once on PostgreSQL.

        Unavailable if the turn does not come.
        A request that waited inside a thread could leave none for the writer it waits for.
        """
        if not self.is_sqlite:
            yield
            return
        came = time.monotonic()
        try:
            with anyio.fail_after(WAIT_SECONDS):
                async with self._line:
                    while not self._turn.acquire():  # noqa: ASYNC110 - a thread sets no event
                        await anyio.sleep(0.001)
        except TimeoutError as problem:
            raise Unavailable from problem
        self._spend(came)
        try:
            yield
        finally:
            self._turn.release()

    def _spend(self, came: float) -> None:
        """What a writer has waited for its turn it waits less for the file."""
        self._patience = max(LEAST_SECONDS, WAIT_SECONDS - (time.monotonic() - came))

    def _begin_sqlite(self, connection: Any) -> None:
        reads_only = connection.get_execution_options().get("reads_only", False)
        patience = WAIT_SECONDS if reads_only else self._patience
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience * 1000:.0f}").close()
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    def fault(self) -> str:
        """What storage lately refused for want of space or health, a sentence; mostly nothing."""
        if self._failed is None or time.monotonic() - self._failed[0] > FAULT_SECONDS:
            return ""
        return self._failed[1]

    def clear_log(self, *, beyond: int = sqlite_file.LOG_BYTES) -> None:
        """Cut SQLite's log if it has grown beyond so many bytes and no reader needs it."""
        if not self.is_sqlite or self._log_bytes() <= beyond:
            return
        with self.alone(), self._driver() as connection:
            sqlite_file.clear_log(connection)

    def _log_bytes(self) -> int:
        try:
            return Path(f"{self.url.database}-wal").stat().st_size
        except OSError:
            return 0

    def check_whole(self) -> None:
        """Misconfigured if the SQLite file is damaged. Reads all of it; PostgreSQL looks itself."""
        if self.is_sqlite and Path(self.url.database or "").exists():
            with self._driver() as connection:
                sqlite_file.check_whole(connection, str(self.url.database))

    def copy(self, target: Path) -> None:
        """Copy the whole SQLite database into a new file. Misconfigured if that cannot be."""
        if not self.is_sqlite:
            raise Misconfigured("This copies SQLite files. Copy PostgreSQL with `pg_dump`.")
        with self._driver() as connection:
            sqlite_file.copy(connection, target)

    @contextmanager
    def _driver(self) -> Iterator[sqlite3.Connection]:
        """The driver's own connection to the SQLite file, outside of any transaction."""
        try:
            with closing(self.engine.raw_connection()) as pooled:
                yield as_if("sqlite3.Connection", pooled.driver_connection)
        except DBAPIError as problem:
            raise translated(problem) from problem
        except sqlite3.DatabaseError as problem:
            # The driver's own, past SQLAlchemy.
            meaning = translated(DBAPIError("", {}, problem))
            raise (Unavailable() if isinstance(meaning, DBAPIError) else meaning) from problem

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
        self._turn.close()


def stored_id(value: Known | None) -> Known:
    """The id of a row that has been stored; the database gave it one."""
    if value is None:
        raise LookupError("this row has not been stored yet")
    return value


def take_turn(session: Session, place: str) -> None:
    """Wait until nobody else is at this place, and keep it until the transaction ends."""
    if session.get_bind().dialect.name != "postgresql":
        return  # a writer of SQLite is alone
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:place, 0))"), {"place": place}
    )


def translated(problem: DBAPIError) -> Exception:
    """What a driver's error means to a person: `Busy`, `Unavailable`, or itself."""
    state = getattr(problem.orig, "sqlstate", None)
    words = str(problem.orig)
    if "file is not a database" in words:
        return Misconfigured("DATABASE_URL names a file that is not an SQLite database.")
    if state in {"40001", "40P01", "55P03"} or "database is locked" in words:
        return Busy()
    if isinstance(problem, OperationalError | InterfaceError) or problem.connection_invalidated:
        return Unavailable()
    return Unavailable() if storage_fault(problem) else problem


STORAGE_FAULTS = {
    sqlite3.SQLITE_FULL: "The disk of the database is full.",
    sqlite3.SQLITE_IOERR: "The disk of the database cannot be read or written.",
    sqlite3.SQLITE_READONLY: "The database may only be read.",
    sqlite3.SQLITE_CORRUPT: "The database is damaged: put the newest backup in its place.",
    # PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html
    "53100": "The disk of the database is full.",
    "58030": "The disk of the database cannot be read or written.",
    "25006": "The database may only be read.",
    "XX001": "The database is damaged: put the newest backup in its place.",
    "XX002": "The database is damaged: put the newest backup in its place.",
}


def storage_fault(problem: DBAPIError) -> str:
    """What is wrong with the disk or the file, in a sentence for operators; mostly nothing."""
    state = getattr(problem.orig, "sqlstate", None)
    code = getattr(problem.orig, "sqlite_errorcode", None)
    return STORAGE_FAULTS.get(state or (code & 0xFF if code is not None else 0), "")
