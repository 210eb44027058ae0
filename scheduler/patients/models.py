"""Tables of patients, consent, opt-outs, screening answers, phone codes and link requests."""

from datetime import datetime

from sqlalchemy import true
from sqlmodel import JSON, Field, SQLModel

from scheduler.storage.database import Instant, Versioned


class Patient(Versioned, table=True):
    """A patient of a clinic. Several patients may share a phone, such as a parent and a child."""

    __tablename__ = "patients"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    calendar_id: int = Field(foreign_key="calendars.id", unique=True)
    name: str = Field(max_length=80)
    phone: str = Field(max_length=20, index=True)
    """E.164, with `x` before an extension; empty if the patient has none."""
    textable: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    """Whether the phone may be texted: a mobile phone of an allowed country."""
    phone_proved_at: datetime | None = Field(default=None, sa_type=Instant)
    phone_trouble: str = Field(default="", max_length=300)
    """The carrier's reason why texts do not reach the phone; empty if they do."""
    language: str = Field(default="en", max_length=8)
    sms_consent: bool = False
    texts: str = Field(default="all", max_length=10, sa_column_kwargs={"server_default": "all"})
    """`all`, or `fewer` for only the essential texts."""
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant, index=True)
    erased_at: datetime | None = Field(default=None, sa_type=Instant)


class ConsentRecord(SQLModel, table=True):
    """Consent to texts, given or withdrawn: when, how, and the wording that was shown."""

    __tablename__ = "consent_records"

    id: int | None = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patients.id", index=True)
    phone: str = Field(max_length=20)
    at: datetime = Field(sa_type=Instant)
    given: bool
    channel: str = Field(max_length=20)
    """web, staff or text."""
    wording: str = Field(max_length=1000)


class OptOut(SQLModel, table=True):
    """An opt-out of a phone, for all patients who share it, from STOP until START."""

    __tablename__ = "opt_outs"

    id: int | None = Field(default=None, primary_key=True)
    phone: str = Field(max_length=20, index=True)
    since: datetime = Field(sa_type=Instant)
    words: str = Field(max_length=200)
    channel: str = Field(default="text", max_length=10, sa_column_kwargs={"server_default": "text"})
    """text or page."""
    lifted_at: datetime | None = Field(default=None, sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Screening(SQLModel, table=True):
    """A patient's answers to the screening questions."""

    __tablename__ = "screenings"

    id: int | None = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patients.id", index=True)
    at: datetime = Field(sa_type=Instant)
    answers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    needs_clearance: bool = False


class PhoneCode(SQLModel, table=True):
    """A verification code of six digits. They are derived from the nonce and the secret key."""

    __tablename__ = "phone_codes"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    phone: str = Field(max_length=20, index=True)
    nonce: str = Field(max_length=32)
    origin: str = Field(default="", max_length=64, index=True)
    """The IP address that requested the code, with its `network`; empty if unknown."""
    network: str = Field(
        default="", max_length=64, index=True, sa_column_kwargs={"server_default": ""}
    )
    tries: int = 0
    created_at: datetime = Field(sa_type=Instant, index=True)
    expires_at: datetime = Field(sa_type=Instant)
    proved_at: datetime | None = Field(default=None, sa_type=Instant)


class LinkRequest(SQLModel, table=True):
    """A request to text private links again. Deleted after a day."""

    __tablename__ = "link_requests"

    id: int | None = Field(default=None, primary_key=True)
    phone: str = Field(default="", max_length=20)
    """Empty once the request is answered."""
    phone_hash: str = Field(max_length=64)
    origin: str = Field(default="", max_length=64)
    network: str = Field(default="", max_length=64)
    created_at: datetime = Field(sa_type=Instant, index=True)
