"""All tables, for migrations and tests."""

from sqlmodel import SQLModel

from scheduler.audit import audit_trail, chain
from scheduler.booking import models as booking
from scheduler.booking.events import event_models
from scheduler.clinic import models as clinic
from scheduler.clinic import zone_rules
from scheduler.http import idempotency
from scheduler.patients import models as patients
from scheduler.progress import models as progress
from scheduler.reminders import models as reminders
from scheduler.staff import models as staff
from scheduler.storage import installation, links

__all__ = [
    "audit_trail",
    "booking",
    "chain",
    "clinic",
    "event_models",
    "idempotency",
    "installation",
]
__all__ += ["links", "metadata", "patients", "progress", "reminders", "staff", "zone_rules"]

metadata = SQLModel.metadata
