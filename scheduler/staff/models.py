"""Members of staff, the clinics they work for, and their keys."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from scheduler.storage.database import Instant


class Member(SQLModel, table=True):
    """A person who works here. `all_clinics`: also those that are opened later."""

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
    """A member may see a clinic."""

    __tablename__ = "memberships"

    member_id: int = Field(foreign_key="members.id", primary_key=True)
    clinic_id: int = Field(primary_key=True)


class ApiKey(SQLModel, table=True):
    """A key for programs, with the powers of the member it was made for. Only its hash is kept."""

    __tablename__ = "api_keys"

    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="members.id", index=True)
    label: str = Field(max_length=80)
    key_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    last_used_on: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class SignIn(SQLModel, table=True):
    """A member who signed in with a password, until it lapses. Only the token's hash is kept."""

    __tablename__ = "sign_ins"

    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="members.id", index=True)
    token_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class SignInTry(SQLModel, table=True):
    """A wrong password, counted per address and per account, so that guessing does not pay."""

    __tablename__ = "sign_in_tries"

    id: int | None = Field(default=None, primary_key=True)
    account_hash: str = Field(max_length=64, index=True)
    origin: str = Field(max_length=64, index=True)
    at: datetime = Field(sa_type=Instant, index=True)
