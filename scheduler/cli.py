"""Names the commands and their options.

Output goes to standard output, errors as sentences to standard error. Exit codes: 0 done, 1 failed,
2 wrong usage.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from scheduler.commands import audit as audit_checks
from scheduler.commands import checks, database, servers
from scheduler.commands import demo as demonstration
from scheduler.commands import replies as reply_reading
from scheduler.commands import staff as members
from scheduler.commands.process import fail
from scheduler.infra.errors import Problem, Unavailable
from scheduler.reminders.replies.reading.vocabularies import vocabularies
from scheduler.staff.roles import Role
from scheduler.storage.database import Busy

commands = typer.Typer(
    help="Books whole courses of treatment and texts patients before and after each session.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
staff = typer.Typer(help="Manage staff members and API keys.", no_args_is_help=True)
commands.add_typer(staff, name="staff")
audit = typer.Typer(help="Check the audit trail.", no_args_is_help=True)
commands.add_typer(audit, name="audit")

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]


def main() -> None:
    """Run a command. Errors become a sentence and an exit code."""
    try:
        commands()
    except Problem as problem:
        fail(problem.sentence)
    except Busy:
        fail(Unavailable().sentence)
    except UnicodeError:
        fail("The input is not valid UTF-8. Set the terminal to UTF-8.")
    except OSError as problem:
        fail(f"{problem.strerror or problem}: {problem.filename or 'the operating system'}")


@commands.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    *,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Do not send texts.")] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Add the demo clinic if the database is empty.")
    ] = False,
) -> None:
    """Run web server and worker in one process. Migrates an SQLite database first."""
    servers.serve(host, port, with_worker=not no_worker, with_demo=demo)


@commands.command()
def web(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the web server only. Any number of processes can run."""
    servers.web(host, port)


@commands.command()
def worker() -> None:
    """Run the worker only. Any number of processes can run."""
    servers.worker()


@commands.command()
def migrate() -> None:
    """Migrate the database to the newest version."""
    database.migrate()


@commands.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The new file. It must not exist.")],
) -> None:
    """Copy the SQLite database into a new file, while it is in use, and check the copy.

    The database may have an older version, so that it can be copied before a migration.
    """
    database.backup(target)


@commands.command()
def rezone(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would change and what would clash.")
    ] = False,
) -> None:
    """Keep the wall time of everything booked after a change of zone data.

    `serve`, `web` and `worker` do the same when they start.
    """
    if not database.rezone(dry_run=dry_run):
        raise typer.Exit(1)


@commands.command("read-replies")
def read_replies(
    language: Annotated[str, typer.Option(help="The patient's language, for example es.")],
) -> None:
    """Show how replies would be read: one per line on standard input, one JSON object for each.

    Nothing is stored, and no database is needed. A reply is tried in every language that the
    program reads, because patients mix them.
    """
    if language not in vocabularies():
        raise typer.BadParameter(
            f"{language!r} is not one of {', '.join(vocabularies())}.", param_hint="--language"
        )
    for line in reply_reading.read(sys.stdin):
        typer.echo(line)


@commands.command("move-house", hidden=True)  # the name before 0.2.0
@commands.command("set-origin")
def set_origin() -> None:
    """Send texts for PUBLIC_URL from now on, after the clinic's address has changed."""
    database.set_origin()


@commands.command()
def demo(
    *,
    fast: Annotated[
        bool, typer.Option("--fast", help="Show a course in fast motion, in a temporary database.")
    ] = False,
    day_seconds: Annotated[
        float, typer.Option(min=5, max=3600, help="Seconds that a day takes with --fast.")
    ] = 60.0,
) -> None:
    """Fill an empty database with a demo clinic."""
    if fast:
        demonstration.watch(day_seconds)
    else:
        demonstration.demo()


@staff.command("add")
def add_member(
    email: str,
    *,
    name: Annotated[str, typer.Option(help="The name of the staff member.")],
    role: Annotated[Role, typer.Option(help="The role, which decides the permissions.")],
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from standard input."),
    ] = False,
    clinic: Annotated[
        list[int] | None,
        typer.Option(help="The id of a clinic that the member can see; default: all clinics."),
    ] = None,
) -> None:
    """Add a staff member."""
    members.add_member(email, name=name, role=role, clinic_ids=clinic, from_stdin=password_stdin)


@staff.command("key")
def make_key(
    email: str, *, label: Annotated[str, typer.Option(help="The purpose of the key.")]
) -> None:
    """Make an API key and print it. It cannot be shown again."""
    members.make_key(email, label=label)


@audit.callback()
def check_audit_trail() -> None:
    """Check the audit trail."""


@audit.command("verify")
def verify_audit_trail(
    known: Annotated[
        str, typer.Option(help="POSITION:HASH of an earlier check, which must still be there.")
    ] = "",
) -> None:
    """Check that no entry of the audit trail was changed or removed."""
    if not audit_checks.verify(known):
        raise typer.Exit(1)


@commands.command()
def doctor() -> None:
    """Check the installation and say how to fix what is wrong."""
    if not checks.doctor():
        raise typer.Exit(1)


@commands.command("text-me")
def text_me(
    number: Annotated[str, typer.Argument(help="A mobile number with + and the country code.")],
) -> None:
    """Send one test text."""
    checks.text_me(number)


if __name__ == "__main__":
    main()
