"""Tables of staff members, their clinics, API keys and sign-ins."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from scheduler.storage.database import Instant


class Member(SQLModel, table=True):
    """A staff member. `all_clinics`: including future ones."""

    __tablename__ = "members"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=120)
    role: str = Field(max_length=20)
    password_hash: str = Field(max_length=200)
    all_clinics: bool = False
    active: bool = True
    created_at: datetime = Field(sa_type=Instant)


class Membership(SQLModel, table=True):
    """A clinic that a staff member can see."""

    __tablename__ = "memberships"

    member_id: int = Field(foreign_key="members.id", primary_key=True)
    clinic_id: int = Field(primary_key=True)


class ApiKey(SQLModel, table=True):
    """A key for programs, with the permissions of its member. Only its hash is stored."""

    __tablename__ = "api_keys"

    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="members.id", index=True)
    label: str = Field(max_length=80)
    key_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    last_used_on: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class SignIn(SQLModel, table=True):
    """A sign-in with a password, until it expires. Only the hash of its token is stored."""

    __tablename__ = "sign_ins"

    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="members.id", index=True)
    token_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class SignInTry(SQLModel, table=True):
    """A wrong password, counted per origin and per account to limit guessing."""

    __tablename__ = "sign_in_tries"

    id: int | None = Field(default=None, primary_key=True)
    account_hash: str = Field(max_length=64, index=True)
    origin: str = Field(max_length=64, index=True)
    at: datetime = Field(sa_type=Instant, index=True)
