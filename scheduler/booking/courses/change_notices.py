"""What a patient has to be told of a session, kept where a change of their own puts an end to it.

Who changes a session knows of it, and is told nothing. Once that is taken back, what the clinic had
changed before holds again: told by then or not, the texts know.
"""

from datetime import datetime
from typing import Any

from scheduler.booking.models import Appointment


def snapshot(appointment: Appointment) -> dict[str, Any]:
    """What there is to tell of a session now, as JSON; empty where the clinic changed nothing."""
    found = {
        "news_at": _written(appointment.news_at),
        "reassigned_at": _written(appointment.reassigned_at),
        "givers": list(appointment.givers),
    }
    return {name: value for name, value in found.items() if value}


def restore(appointment: Appointment, noted: dict[str, Any]) -> None:
    """Let there be to tell of a session what there was."""
    appointment.news_at = _read(noted.get("news_at"))
    appointment.reassigned_at = _read(noted.get("reassigned_at"))
    appointment.givers = noted.get("givers", [])


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _read(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
