"""Engine, transactions and column types; knows nothing of clinics.

Each root makes one `Database`. The edge (a request, a tick of the worker, a command) opens a
transaction and commits it once.
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
from scheduler.storage import postgresql, sqlite_file
from scheduler.storage.sqlite_file import Turn

WAIT_SECONDS = 5.0
"""How long a transaction waits for the database, unless its process says otherwise."""
MIN_FILE_WAIT_SECONDS = 0.1
"""How long a writer of SQLite waits for the file even if its turn took all of its patience."""

FAULT_SECONDS = 60.0
"""How long the health page reports a storage fault after it occurred."""
DELAY_SECONDS = 10.0
"""The same for a transaction that waited in vain; a short time, because many bookings at once can
also be the cause."""

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
    """Another transaction was writing the same rows. Retry the whole transaction."""


class StorageFault(Unavailable):
    """The disk of the database is full, damaged or read-only."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite does not store zones, so naive values raise ValueError."""

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


IDS_ARE_NEVER_REUSED = {"sqlite_autoincrement": True}
"""Options of a table whose rows are deleted and whose ids leave the program (`__table_args__`).

Otherwise SQLite gives the id of the newest row, once deleted, to the next one.
"""


class Versioned(SQLModel):
    """A row that two people may edit at once: the second one to save gets `Stale`."""

    version: int = Field(default=1, nullable=False, sa_type=Integer)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy calls it with the class
        return {"version_id_col": cls.__table__.c.version} if hasattr(cls, "__table__") else {}


class Database:
    """One engine and the rules for using SQLite or PostgreSQL.

    `url`: an SQLAlchemy URL, SQLite (a file) or PostgreSQL. Raises Misconfigured for another.
    `patience`: seconds to wait for a free connection, a lock or the turn to write, and for
    PostgreSQL's answer. `endless_statements`: wait for PostgreSQL's answer as long as it takes.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        patience: float = WAIT_SECONDS,
        endless_statements: bool = False,
    ) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as problem:
            raise Misconfigured(
                "DATABASE_URL is not a database URL. Example: sqlite:///data/scheduler.db"
            ) from problem
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        kind = parsed.get_backend_name()
        if kind not in {"sqlite", "postgresql"}:
            raise Misconfigured(
                f"DATABASE_URL names a {kind} database. Use SQLite or PostgreSQL instead."
            )
        self.url = parsed
        self.is_sqlite = kind == "sqlite"
        self._queue = anyio.Lock()
        self.patience = patience
        self._file_patience = patience
        """How long the writer whose turn it is waits for the SQLite file."""
        self._file: tuple[int, int] | None = None
        # Unused on PostgreSQL.
        self._turn = Turn(Path(self.url.database or "none"))
        self._failed: tuple[float, str] | None = None
        self.engine = (
            self._sqlite()
            if self.is_sqlite
            else self._postgresql(pool_size, None if endless_statements else patience)
        )

    def _sqlite(self) -> Engine:
        if self.url.database in {None, "", ":memory:"}:
            raise Misconfigured(
                "DATABASE_URL names an SQLite database in memory, which is lost when the program"
                " ends. Name a file, for example sqlite:///data/scheduler.db"
            )
        engine = create_engine(
            self.url, hide_parameters=True, connect_args={"timeout": self.patience}
        )
        event.listen(engine, "do_connect", self._refuse_another_file)
        event.listen(engine, "connect", sqlite_file.set_up)
        event.listen(engine, "connect", self._remember_file)
        event.listen(engine, "begin", self._begin_sqlite)
        return engine

    def _postgresql(self, pool_size: int, statement_patience: float | None) -> Engine:
        engine = create_engine(
            self.url,
            # Rows are about patients, so an error in a log must not quote their values.
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=self.patience,
            pool_pre_ping=True,
        )

        def connect(_dialect: Any, _record: Any, _args: Any, parameters: Any) -> Any:
            return postgresql.connect(statement_patience, **parameters)

        event.listen(engine, "do_connect", connect)
        return engine

    def check_file(self) -> None:
        """Raise Unavailable if the SQLite file that was opened has been moved or replaced.

        Open connections would go on writing to a file that is no longer at its path.
        """
        if self._file is not None and self._file != self._file_at_path():
            raise Unavailable

    def _refuse_another_file(self, *_: Any) -> None:
        # A new connection would create an empty file in place of the old one.
        self.check_file()

    def _remember_file(self, *_: Any) -> None:
        if self._file is None:
            self._file = self._file_at_path()

    def _file_at_path(self) -> tuple[int, int] | None:
        """Device and inode of the file at the path of the database."""
        try:
            status = Path(self.url.database or "").stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def make_folder(self) -> None:
        """Create the folder of the SQLite file, readable by its owner only.

        Raises Misconfigured for a folder on a network file system, where locks are unreliable.
        """
        if self.is_sqlite and self.url.database:
            sqlite_file.check_place(Path(self.url.database))
            Path(self.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[Session]:
        """A session that commits at the end, or rolls back and raises.

        For threads. A request awaits its turn first (`turn`) and then calls `unit`.
        """
        if not (write and self.is_sqlite):
            with self.unit(write=write) as session:
                yield session
            return
        with self.alone(), self.unit(write=write) as session:
            yield session

    @contextmanager
    def alone(self, patience: float | None = None) -> Iterator[None]:
        """Be the only writer of the SQLite file among our processes; no-op on PostgreSQL.

        `patience`: seconds to wait; default: that of the database. Raises Unavailable after that.
        """
        if not self.is_sqlite:
            yield
            return
        since = time.monotonic()
        if not self._turn.acquire(timeout=self.patience if patience is None else patience):
            raise Unavailable
        if patience is None:
            self._shorten_patience(since)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def unit(self, *, write: bool) -> Iterator[Session]:
        """The transaction itself. A writer of SQLite must already have the turn.

        Raises Busy if the caller should retry at once, and Unavailable if it should retry later.
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
            if fault := storage_fault(problem) or (WAITED if _has_waited(problem) else ""):
                self._failed = time.monotonic(), fault
            if isinstance(meaning, Busy) and not begun:
                # Another program writes to the file, and we have already waited for it.
                raise Unavailable from problem
            raise meaning from problem

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Like `alone`, but waits without occupying a thread. Raises Unavailable after the wait.

        Requests that waited in threads could leave none for the writer that they wait for.
        """
        if not self.is_sqlite:
            yield
            return
        since = time.monotonic()
        try:
            with anyio.fail_after(self.patience):
                async with self._queue:
                    while not self._turn.acquire():  # noqa: ASYNC110 - a file lock has no event
                        await anyio.sleep(0.001)
        except TimeoutError as problem:
            raise Unavailable from problem
        self._shorten_patience(since)
        try:
            yield
        finally:
            self._turn.release()

    def _shorten_patience(self, since: float) -> None:
        """Subtract the wait for the turn from the wait for the file."""
        left = self.patience - (time.monotonic() - since)
        self._file_patience = max(MIN_FILE_WAIT_SECONDS, left)

    def _begin_sqlite(self, connection: Any) -> None:
        reads_only = connection.get_execution_options().get("reads_only", False)
        patience = self.patience if reads_only else self._file_patience
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience * 1000:.0f}").close()
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    def fault(self) -> str:
        """A sentence about a recent fault (disk full, table locked); normally empty."""
        if self._failed is None:
            return ""
        at, sentence = self._failed
        lasts = DELAY_SECONDS if sentence == WAITED else FAULT_SECONDS
        return sentence if time.monotonic() - at <= lasts else ""

    def clear_log(self, *, beyond: int = sqlite_file.LOG_BYTES) -> None:
        """Truncate SQLite's write-ahead log if it is larger than `beyond` bytes and unused."""
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
        """Raise Misconfigured if the SQLite file is damaged. Reads the whole file.

        PostgreSQL checks its own files.
        """
        if self.is_sqlite and Path(self.url.database or "").exists():
            with self._driver() as connection:
                sqlite_file.check_whole(connection, str(self.url.database))

    def copy(self, target: Path) -> None:
        """Copy the SQLite database into a new file. Raises Misconfigured if it cannot."""
        if not self.is_sqlite:
            raise Misconfigured(
                "This command copies SQLite files. Use `pg_dump` to copy a PostgreSQL database."
            )
        with self._driver() as connection:
            sqlite_file.copy(connection, target)

    @contextmanager
    def _driver(self) -> Iterator[sqlite3.Connection]:
        """The driver's connection to the SQLite file, outside any transaction."""
        try:
            with closing(self.engine.raw_connection()) as pooled:
                yield as_if("sqlite3.Connection", pooled.driver_connection)
        except DBAPIError as problem:
            raise translated(problem) from problem
        except sqlite3.DatabaseError as problem:
            # Raised by the driver without passing through SQLAlchemy.
            meaning = translated(DBAPIError("", {}, problem))
            raise (Unavailable() if isinstance(meaning, DBAPIError) else meaning) from problem

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._turn.close()


def stored_id(value: Known | None) -> Known:
    """The id of a stored row, as a type that is not optional."""
    if value is None:
        raise LookupError("this row has no id: flush the session first")
    return value


def take_turn(session: Session, key: str) -> None:
    """Hold an advisory lock on this key until the transaction ends; wait for it first."""
    if session.get_bind().dialect.name != "postgresql":
        return  # a writer of SQLite is alone
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def translated(problem: DBAPIError) -> Exception:
    """Our error for a driver's error: Busy, Unavailable, Misconfigured, or the error itself."""
    state = getattr(problem.orig, "sqlstate", None)
    message = str(problem.orig)
    if "file is not a database" in message:
        return Misconfigured(
            "DATABASE_URL names a file that is not an SQLite database. Correct the path."
        )
    if state in {"40001", "40P01", "55P03"} or "database is locked" in message:
        return Busy()
    if storage_fault(problem):
        return StorageFault()
    if isinstance(problem, OperationalError | InterfaceError) or problem.connection_invalidated:
        return Unavailable()
    return problem


DISK_FULL = "The disk of the database is full. Free some space."
DISK_ERROR = "The disk of the database cannot be read or written. Check the disk."
READ_ONLY = "The database is read-only. Check the permissions of its file, or the server."
DAMAGED = "The database is damaged. Restore the newest backup."
WAITED = "Requests wait too long for the database. Look for a program that holds a lock."

STORAGE_FAULTS = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_IOERR: DISK_ERROR,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    # PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
    "53100": DISK_FULL,
    "58030": DISK_ERROR,
    "25006": READ_ONLY,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}


def _has_waited(problem: DBAPIError) -> bool:
    """Whether a lock or an answer did not come in time."""
    state = getattr(problem.orig, "sqlstate", None)
    return state in {"55P03", "57014"} or "database is locked" in str(problem.orig)


def storage_fault(problem: DBAPIError) -> str:
    """A sentence for operators if the disk or the file is at fault, else an empty string."""
    state = getattr(problem.orig, "sqlstate", None)
    code = getattr(problem.orig, "sqlite_errorcode", None)
    return STORAGE_FAULTS.get(state or (code & 0xFF if code is not None else 0), "")
