"""Patients, what they agreed to, what they answered, and how their phone was proved."""

from datetime import datetime

from sqlmodel import JSON, Field, SQLModel

from scheduler.storage.database import Instant, Versioned


class Patient(Versioned, table=True):
    """Somebody who is treated at a clinic. Two may share a phone: a parent and a child."""

    __tablename__ = "patients"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    calendar_id: int = Field(foreign_key="calendars.id", unique=True)
    name: str = Field(max_length=80)
    phone: str = Field(max_length=20, index=True)
    phone_proved_at: datetime | None = Field(default=None, sa_type=Instant)
    phone_trouble: str = Field(default="", max_length=300)
    """why texts do not reach it, as the carrier says; empty if they do"""
    language: str = Field(default="en", max_length=8)
    sms_consent: bool = False
    texts: str = Field(default="all", max_length=10, sa_column_kwargs={"server_default": "all"})
    """all, or fewer: see `reminders.fewer`"""
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
    """web, staff or text"""
    wording: str = Field(max_length=1000)


class OptOut(SQLModel, table=True):
    """A phone that wants no texts, from STOP until START, whoever it belongs to."""

    __tablename__ = "opt_outs"

    id: int | None = Field(default=None, primary_key=True)
    phone: str = Field(max_length=20, index=True)
    since: datetime = Field(sa_type=Instant)
    words: str = Field(max_length=200)
    channel: str = Field(default="text", max_length=10, sa_column_kwargs={"server_default": "text"})
    """where it was said: text, or page"""
    lifted_at: datetime | None = Field(default=None, sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Screening(SQLModel, table=True):
    """What was asked before needling, and the answers."""

    __tablename__ = "screenings"

    id: int | None = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patients.id", index=True)
    at: datetime = Field(sa_type=Instant)
    answers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    needs_clearance: bool = False


class PhoneCode(SQLModel, table=True):
    """Six digits texted to a phone to prove it. The digits follow from the nonce and the key."""

    __tablename__ = "phone_codes"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    phone: str = Field(max_length=20, index=True)
    nonce: str = Field(max_length=32)
    origin: str = Field(default="", max_length=64, index=True)
    """The address that asked, and `network` its neighbourhood; empty where it tells nobody."""
    network: str = Field(
        default="", max_length=64, index=True, sa_column_kwargs={"server_default": ""}
    )
    tries: int = 0
    created_at: datetime = Field(sa_type=Instant, index=True)
    expires_at: datetime = Field(sa_type=Instant)
    proved_at: datetime | None = Field(default=None, sa_type=Instant)


class LinkRequest(SQLModel, table=True):
    """That a private link was asked for, by a phone: forgotten within a day."""

    __tablename__ = "link_requests"

    id: int | None = Field(default=None, primary_key=True)
    phone: str = Field(default="", max_length=20)
    """empty once it was looked for"""
    phone_hash: str = Field(max_length=64)
    origin: str = Field(default="", max_length=64)
    network: str = Field(default="", max_length=64)
    created_at: datetime = Field(sa_type=Instant, index=True)
