"""Limits on waiting for PostgreSQL; knows nothing of clinics.

The server ends statements and transactions that take too long. A server that does not answer at all
can only be given up by the client, and neither libpq nor the kernel does so: a proxy or a frozen
server still acknowledges every packet. So each connection waits for a limited time.
"""

import math
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

Result = TypeVar("Result")

IDLE_TRANSACTION_SECONDS = 60
"""A process that is frozen inside a transaction keeps its locks for this long."""
MIN_CONNECT_SECONDS = 2
"""libpq accepts no shorter time to connect."""


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server does not answer within `patience` seconds."""

    patience: float | None = None

    def wait(self, gen: PQGen[Result], *args: Any, **named: Any) -> Result:
        """Wait for an answer. Raises OperationalError after `patience` seconds."""
        # SQLAlchemy's ping, the only statement outside transactions, has nothing to compute.
        if self.patience is not None:
            named.setdefault("timeout", self.patience / 3 if self.autocommit else self.patience)
        try:
            return super().wait(gen, *args, **named)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                # A late answer would be taken for that of the next statement.
                self.close()
            raise


def connect(patience: float | None, **parameters: Any) -> ImpatientConnection:
    """A new connection, with libpq's parameters. `patience` None: wait for any answer."""
    parameters |= _limits(patience)
    connection = ImpatientConnection.connect(**parameters)
    connection.patience = patience
    return connection


def _limits(patience: float | None) -> dict[str, str | int]:
    """libpq's parameters. The server gives up before the client does, so that it can say why."""
    options = {
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_SECONDS}s",
    }
    limits: dict[str, str | int] = {
        "connect_timeout": MIN_CONNECT_SECONDS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    if patience is not None:
        # A statement that waits for a lock can be retried, one that takes long cannot.
        options["lock_timeout"] = _milliseconds(0.7 * patience)
        options["statement_timeout"] = _milliseconds(0.85 * patience)
        limits["tcp_user_timeout"] = math.ceil(1000 * patience)
    settings = (f"-c {name}={value}" for name, value in options.items())
    return {**limits, "options": " ".join(settings)}


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(1000 * seconds))}ms"
