"""A beginning that many tests share: played once per worker process, then copied.

A test finds exactly the rows that playing would leave. Only the same beginning on a database with
the same rows is taken from a copy.
"""

import sqlite3
from collections.abc import Callable, Hashable
from contextlib import closing
from copy import deepcopy
from typing import Any, TypeVar
from uuid import uuid4

import psycopg

from scheduler.maintenance.tables import metadata
from scheduler.storage.database import Database
from tests.support.databases import place
from workshop import postgres

T = TypeVar("T")

_kept: dict[Hashable, tuple[Any, Callable[[Database], None]]] = {}


def begin(database: Database, key: Hashable, play: Callable[[], T]) -> T:
    """The result of `play`, and the database as it leaves it.

    `key`: everything that `play` depends on, except the rows. The results are values without a tie
    to the database. Other effects (a clock, a carrier) do not happen if it is copied.
    """
    key = (database.engine.dialect.name, key, _rows(database))
    if key not in _kept:
        told = play()
        _kept[key] = deepcopy(told), _copy_of(database)
        return told
    told, put_back = _kept[key]
    put_back(database)
    copy: T = deepcopy(told)
    return copy


def _rows(database: Database) -> str:
    with database.engine.connect() as connection:
        return repr(
            [
                sorted(map(repr, connection.exec_driver_sql(f'SELECT * FROM "{table}"')))
                for table in sorted(metadata.tables)
            ]
        )


def _copy_of(database: Database) -> Callable[[Database], None]:
    """Keep a copy; how to bring another database there."""
    return _file(database) if database.is_sqlite else _template(database)


def _file(database: Database) -> Callable[[Database], None]:
    kept = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(str(database.url.database))) as played:
        played.backup(kept)

    def put_back(fresh: Database) -> None:
        with closing(sqlite3.connect(str(fresh.url.database))) as file:
            kept.backup(file)

    return put_back


def _template(database: Database) -> Callable[[Database], None]:
    kept = f"kept_{uuid4().hex}"
    database.engine.dispose()  # no connection may be open while the database is copied
    with _server() as server:
        postgres.copy(server, str(database.url.database), kept)

    def put_back(fresh: Database) -> None:
        fresh.engine.dispose()
        with _server() as server:
            server.execute(f"DROP DATABASE {fresh.url.database} WITH (FORCE)")
            postgres.copy(server, kept, str(fresh.url.database))

    return put_back


def _server() -> psycopg.Connection:
    url = postgres.start(place()).replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True)
