"""Every table there is, for migrations and for tests."""

from sqlmodel import SQLModel

from scheduler import audit, idempotency, installation, links
from scheduler.booking import models as booking
from scheduler.clinic import models as clinic
from scheduler.clinic import zone_rules
from scheduler.patients import models as patients
from scheduler.progress import models as progress
from scheduler.reminders import models as reminders
from scheduler.staff import models as staff

__all__ = ["audit", "booking", "clinic", "idempotency", "installation", "links", "metadata"]
__all__ += ["patients", "progress", "reminders", "staff", "zone_rules"]

metadata = SQLModel.metadata
