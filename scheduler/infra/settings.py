"""Settings from environment variables. Each command reads them once, when it starts."""

import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import phonenumbers
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from scheduler.infra.errors import Misconfigured

MIN_SECRET_LENGTH = 32
MIN_SECRET_CHARACTERS = 10


class Settings(BaseSettings):
    """Environment variables, also read from a file `.env`. `docs/settings.md` lists them."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: str = Field(
        default="sqlite:///data/scheduler.db",
        description="The database: `sqlite:///` and a path, or `postgresql://user:password@host/name`.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        description="The address that patients and Twilio see.",
    )
    secret_key: str = Field(
        default="",
        description="The key from which private links and phone codes are derived: at least 32"
        " characters, the same for every process. Required with PostgreSQL. With SQLite, generated"
        " at the first start and stored in the file `secret_key` beside the database. A new key"
        " invalidates every link that was sent.",
    )
    sms: Literal["console", "twilio"] = Field(
        default="console",
        description="`console` prints texts, `twilio` sends them.",
    )
    twilio_account_sid: str = Field(
        default="", description="The Twilio account. Required when `SMS` is `twilio`."
    )
    twilio_auth_token: str = Field(
        default="",
        description="Authenticates requests to Twilio and checks the signatures of Twilio's"
        " requests. Required when `SMS` is `twilio`.",
    )
    twilio_api_key: str = Field(
        default="",
        description="Authenticates requests to Twilio instead of the token; set with"
        " `TWILIO_API_SECRET`.",
    )
    twilio_api_secret: str = Field(default="", description="The secret of `TWILIO_API_KEY`.")
    twilio_messaging_service_sid: str = Field(
        default="",
        description="The messaging service that sends the texts. This or `TWILIO_FROM` is required"
        " when `SMS` is `twilio`.",
    )
    twilio_from: str = Field(
        default="", description="The number that sends the texts, if there is no messaging service."
    )
    twilio_api_url: str = Field(
        default="", description="The address of a proxy or a stand-in; empty for Twilio's own API."
    )
    sms_countries: str = Field(
        default="",
        description="The countries whose numbers may be texted, for example `US,CA`; empty for the"
        " countries of the clinics.",
    )
    sms_per_second: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="The number of segments that all workers together send in a second.",
    )
    sms_concurrency: int = Field(
        default=4,
        ge=1,
        le=64,
        description="The number of requests to Twilio that one worker makes at the same time.",
    )
    views_file: str = Field(
        default="",
        description="The file that records who reads patient data while the disk of the database is"
        " full. Empty: beside the SQLite database, or `data/unrecorded-views` with PostgreSQL.",
    )
    trusted_proxies: str = Field(
        default="",
        description="The addresses or networks of your reverse proxies, for example `10.0.0.0/8`."
        " Without it, all patients behind a proxy share one rate limit, and behind a proxy on the"
        " same machine there is none.",
    )
    database_timeout: float = Field(
        default=3.0,
        gt=0,
        le=600,
        description="The seconds that a request waits for the database: for a lock, for the turn to"
        " write, or for an answer. After that it gets a 503. Workers and commands wait 30 seconds.",
    )
    client_timeout: float = Field(
        default=15.0,
        gt=0,
        le=600,
        description="The seconds that a client has to send a request, and to read each part of a"
        " response. After that its connection is closed.",
    )
    connections_per_address: int = Field(
        default=100,
        ge=1,
        description="The number of connections that one IP address may have open; more are closed"
        " at once. Loopback addresses and `TRUSTED_PROXIES` have no limit.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="The format of the log lines on standard error."
    )

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql:", "postgresql+psycopg:", "postgres:")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("public_url", "twilio_api_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value == "":
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(value):
            raise ValueError("must begin with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must hold no user name, query or fragment")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in filter(None, (part.strip() for part in value.split(","))):
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"{network!r} is no address or network, such as 10.0.0.0/8") from (
                    None
                )
        return value

    @field_validator("sms_countries")
    @classmethod
    def _are_countries(cls, value: str) -> str:
        for country in filter(None, (part.strip() for part in value.split(","))):
            if country.upper() not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError(f"{country!r} is not a country code such as US or DE")
        return value.upper()

    @model_validator(mode="after")
    def _is_complete(self) -> "Settings":
        if self.secret_key and len(self.secret_key.strip()) < MIN_SECRET_LENGTH:
            raise ValueError(f"SECRET_KEY must have at least {MIN_SECRET_LENGTH} characters")
        if self.secret_key and len(set(self.secret_key)) < MIN_SECRET_CHARACTERS:
            raise ValueError(
                f"SECRET_KEY must have at least {MIN_SECRET_CHARACTERS} different characters."
                " `openssl rand -base64 48` prints a good one"
            )
        if not self.is_sqlite and not self.secret_key:
            raise ValueError(
                "SECRET_KEY must be set when the database is PostgreSQL, the same for each process"
            )
        if self.sms == "twilio":
            self._check_twilio()
        return self

    def _check_twilio(self) -> None:
        for name in ("twilio_account_sid", "twilio_auth_token"):
            if not getattr(self, name):
                raise ValueError(f"{name.upper()} must be set when SMS is twilio")
        if not (self.twilio_messaging_service_sid or self.twilio_from):
            raise ValueError(
                "TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM must be set when SMS is twilio"
            )
        if bool(self.twilio_api_key) != bool(self.twilio_api_secret):
            raise ValueError("TWILIO_API_KEY and TWILIO_API_SECRET must be set together")

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file on this machine."""
        return self.database_url.startswith("sqlite")

    @property
    def proxies(self) -> list[IPv4Network | IPv6Network]:
        """The addresses of trusted reverse proxies."""
        parts = (part.strip() for part in self.trusted_proxies.split(","))
        return [ip_network(part) for part in parts if part]

    @property
    def countries(self) -> frozenset[str]:
        """Countries that may be texted; empty: those of the clinics."""
        return frozenset(filter(None, (part.strip() for part in self.sms_countries.split(","))))


def read() -> Settings:
    """The settings, or Misconfigured with a sentence that names the variable."""
    try:
        settings = Settings()
    except ValidationError as problem:
        raise Misconfigured(_sentence(problem)) from None
    if settings.secret_key:
        return settings
    return settings.model_copy(update={"secret_key": _kept_secret(settings)})


def _has_port(address: str) -> bool:
    """Whether the port of an address, if it names one, is a port."""
    try:
        _ = urlsplit(address).port
    except ValueError:
        return False
    return True


def _sentence(problem: ValidationError) -> str:
    sentences = []
    for error in problem.errors():
        words = error["msg"].removeprefix("Value error, ")
        variable = "_".join(str(part) for part in error["loc"]).upper()
        sentences.append(f"{variable}: {words}." if variable else f"{words}.")
    return " ".join(sentences)


def _kept_secret(settings: Settings) -> str:
    """A secret beside the SQLite file, made at the first start and readable by its owner alone."""
    database = Path(settings.database_url.split(":///", 1)[-1])
    place = database.parent / "secret_key"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return _read_secret(place)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return _read_secret(place)


def _read_secret(place: Path) -> str:
    secret = place.read_text().strip()
    if len(secret) < MIN_SECRET_LENGTH:
        raise Misconfigured(f"The file {place} must hold the secret key; it is too short.")
    return secret
