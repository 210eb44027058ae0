"""staff add, staff key: accounts and API keys of staff members."""

import sys

import typer
from sqlmodel import Session

from scheduler.audit.audit_trail import OPERATOR
from scheduler.clinic import setup
from scheduler.commands.process import in_transaction, say
from scheduler.infra.clock import SystemClock
from scheduler.staff import accounts
from scheduler.staff.roles import Role


def add_member(
    email: str, *, name: str, role: Role, clinic_ids: list[int] | None, from_stdin: bool
) -> None:
    """Add a staff member. The password comes from standard input or from a prompt."""
    password = _read_password(from_stdin=from_stdin)

    def add(session: Session) -> None:
        for clinic_id in clinic_ids or ():
            setup.find_clinic(session, OPERATOR, clinic_id)
        accounts.add(
            session,
            email=email,
            name=name,
            role=role,
            password=password,
            clinic_ids=clinic_ids or None,
            now=SystemClock().now(),
        )

    in_transaction(add)
    say(f"{email} can now sign in.")


def make_key(email: str, *, label: str) -> None:
    """Make an API key and print it. It cannot be shown again."""
    keys: list[str] = []

    def make(session: Session) -> None:
        member = accounts.find(session, email)
        keys.append(accounts.make_key(session, member, label=label, now=SystemClock().now()))

    in_transaction(make)
    say(keys[0])


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif sys.stdin.isatty():
        password = typer.prompt(
            "A password of 12 characters or more", hide_input=True, confirmation_prompt=True
        )
    else:
        raise typer.BadParameter("give --password-stdin and the password on standard input")
    # Python reads invalid UTF-8 as lone surrogates, which no database can store.
    password.encode()
    return str(password)
