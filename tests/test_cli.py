"""Commands speak in sentences: done is 0, could not is 1, wrong usage is 2; never a traceback."""

import json
import logging
import os
import pty
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import create_engine, text

from scheduler import cli
from scheduler.infra.settings import Settings
from tests.support.servers import Servers

SECRET = "a secret for tests that is long enough"


class Done(NamedTuple):
    """The result of a command."""

    code: int
    output: str
    errors: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run a command as typed, in its own folder, in this process."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    logger = logging.getLogger()
    mask, handlers, level = os.umask(0o022), logger.handlers[:], logger.level

    def run_one(*words: str, stdin: str = "", **environment: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["scheduler", *words])
        monkeypatch.setattr(sys, "stdin", StringIO(stdin))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capfd.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    yield run_one
    os.umask(mask)
    logger.handlers[:], logger.level = handlers, level


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("DATABASE_URL", "mysql://example.org/clinic", "DATABASE_URL"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL"),
        ("DATABASE_URL", "postgresql://clinic@127.0.0.1:port/clinic", "DATABASE_URL"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/clinic", "SECRET_KEY"),
        ("SECRET_KEY", "short", "SECRET_KEY"),
        ("SECRET_KEY", " " * 40, "SECRET_KEY"),
        ("SECRET_KEY", "a" * 40, "SECRET_KEY"),
        ("SECRET_KEY", "changeme" * 5, "SECRET_KEY"),
        ("PUBLIC_URL", "example.org", "PUBLIC_URL"),
        ("PUBLIC_URL", "https://example.org:99999", "PUBLIC_URL"),
        ("SMS", "pigeon", "SMS"),
        ("SMS", "twilio", "TWILIO_ACCOUNT_SID"),
        ("SMS_PER_SECOND", "fast", "SMS_PER_SECOND"),
        ("SMS_COUNTRIES", "Atlantis", "SMS_COUNTRIES"),
        ("TRUSTED_PROXIES", "everybody", "TRUSTED_PROXIES"),
        ("LOG_FORMAT", "poem", "LOG_FORMAT"),
    ],
)
def test_a_wrong_setting_prevents_the_start_and_is_named(
    run: Run, variable: str, value: str, named: str
) -> None:
    if value.startswith("postgresql://clinic@"):
        variables = {variable: value, "SECRET_KEY": SECRET}
    else:
        variables = {variable: value}

    done = run("serve", "--port", "0", **variables)

    assert done.code == 1
    assert named in done.errors
    assert "Traceback" not in done.errors


def test_an_unreachable_database_is_reported_in_a_sentence(run: Run) -> None:
    done = run(
        "worker",
        DATABASE_URL="postgresql://127.0.0.1:1/clinic",
        SECRET_KEY=SECRET,
    )

    assert done.code == 1
    assert done.errors.strip() == (
        "Our records cannot be reached at the moment. Nothing was changed. Please try again soon."
    )


@pytest.mark.parametrize(
    ("version", "remedy"),
    [("0001", "Run `scheduler migrate` first."), ("9999", "Install the newer program.")],
)
def test_a_database_of_another_version_is_refused(
    run: Run, postgresql_url: str, version: str, remedy: str
) -> None:
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    engine.dispose()

    done = run("worker", DATABASE_URL=postgresql_url, SECRET_KEY=SECRET)

    assert done.code == 1
    assert done.errors.endswith(f"{remedy}\n")


def test_a_new_key_is_printed_alone(run: Run, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "SECRET_KEY": SECRET}
    ana = ("ana@example.org", "--name", "Ana", "--role", "admin", "--password-stdin")
    added = run("staff", "add", *ana, stdin="correct horse battery\n", **settings)
    assert (added.code, added.errors) == (0, "")

    made = run("staff", "key", "ana@example.org", "--label", "x", **settings)

    assert made.code == 0
    [line] = made.output.splitlines()
    assert line.startswith("ck_")


@pytest.mark.parametrize(
    ("words", "stdin", "code", "sentence"),
    [
        (("staff", "key", "nobody@example.org", "--label", "x"), "", 1, "no staff member"),
        (
            ("staff", "add", "b@example.org", "--name", "B", "--role", "admin", "--password-stdin"),
            "short\n",
            1,
            "A password has",
        ),
        (("staff", "add", "b@example.org", "--name", "B", "--role", "king"), "", 2, "king"),
        (("staff", "add", "b@example.org", "--name", "B", "--role", "admin"), "", 2, "stdin"),
        (("serve", "--port", "no"), "", 2, "--port"),
        (("dance",), "", 2, "dance"),
        (("text-me", "12025550101"), "", 2, "country code"),
        (("text-me", "+999"), "", 1, "phone number"),
    ],
)
def test_errors_are_reported_in_a_sentence(  # noqa: PLR0917 - one row of a table
    run: Run, sqlite_url: str, words: tuple[str, ...], stdin: str, code: int, sentence: str
) -> None:
    done = run(*words, stdin=stdin, DATABASE_URL=sqlite_url)

    assert done.code == code
    assert sentence in done.errors
    assert "Traceback" not in done.errors


def test_the_demo_fills_an_empty_database_and_no_other(run: Run, tmp_path: Path) -> None:
    first, second = run("demo"), run("demo")

    assert (first.code, first.output) == (0, "The demo clinic is ready.\n")
    assert second.code == 1
    assert "needs an empty one" in second.errors
    database = tmp_path / "data" / "scheduler.db"
    assert [oct(path.stat().st_mode)[-3:] for path in (database.parent, database)] == ["700", "600"]


def test_the_doctor_finds_nothing_wrong_with_the_demo(run: Run) -> None:
    run("demo")

    done = run("doctor")

    assert done.code == 0
    assert "WRONG" not in done.output


def test_the_doctor_warns_of_an_address_that_makes_texts_longer(run: Run) -> None:
    run("demo")

    done = run("doctor", PUBLIC_URL="https://appointments.willowbrook-acupuncture.example")

    assert "PUBLIC_URL has 52 characters, so some texts with a link take two" in done.output
    assert done.code == 0


def test_the_doctor_says_what_to_do_about_a_database_without_tables(run: Run) -> None:
    done = run("doctor")

    assert done.code == 1
    assert "Run `scheduler migrate`." in done.output


def test_the_doctor_does_not_check_texts_in_a_database_without_tables(
    run: Run, postgresql_url: str
) -> None:
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()

    done = run("doctor", DATABASE_URL=postgresql_url, SECRET_KEY=SECRET)

    assert done.code == 1
    assert "WRONG migrations: The database has version none" in done.output
    assert "texts:" not in done.output


def test_a_file_that_is_no_database_is_reported_in_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("These are notes, and no database at all." * 10)

    done = run("worker", DATABASE_URL=f"sqlite:///{tmp_path / 'notes.txt'}")

    assert (done.code, done.errors) == (
        1,
        "DATABASE_URL names a file that is not an SQLite database. Correct the path.\n",
    )


def test_a_port_in_use_is_reported_before_anything_is_created(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("serve", "--port", str(port))

    assert done.code == 1
    assert "Choose another port with --port." in done.errors
    assert list(tmp_path.iterdir()) == []


def test_a_member_of_an_unknown_clinic_is_refused(run: Run, sqlite_url: str) -> None:
    member = ("b@example.org", "--name", "B", "--role", "admin", "--clinic", "999")

    done = run(
        "staff",
        "add",
        *member,
        "--password-stdin",
        stdin="correct horse battery\n",
        DATABASE_URL=sqlite_url,
    )

    assert (done.code, done.output) == (1, "")


def test_a_terminal_prompts_for_the_password_without_echo(sqlite_url: str) -> None:
    ours, theirs = pty.openpty()
    words = ("staff", "add", "b@example.org", "--name", "B", "--role", "admin")

    with subprocess.Popen(
        [sys.executable, "-m", "scheduler.cli", *words],
        env={**os.environ, "DATABASE_URL": sqlite_url},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # no terminal but the one that is given
        bufsize=0,
    ) as program:
        os.close(theirs)
        output = b""
        watch = threading.Timer(60, program.kill)
        watch.start()
        # Input typed before the prompt does not count.
        while character := program.stdout.read(1) if program.stdout else b"":
            output += character
            if output.endswith(b": "):
                os.write(ours, b"correct horse battery\n")
        watch.cancel()
    os.close(ours)

    assert program.returncode == 0, output
    assert output.startswith(b"A password of 12 characters or more: ")
    assert output.endswith(b"b@example.org can now sign in.\n")
    assert b"horse" not in output


def test_a_password_that_is_not_utf8_is_refused(run: Run, sqlite_url: str) -> None:
    member = ("b@example.org", "--name", "B", "--role", "admin", "--password-stdin")

    done = run(
        "staff", "add", *member, stdin="caf\udce9 caf\udce9 caf\udce9\n", DATABASE_URL=sqlite_url
    )

    assert (done.code, done.errors) == (
        1,
        "The input is not valid UTF-8. Set the terminal to UTF-8.\n",
    )


def test_text_me_is_printed_by_the_console(run: Run) -> None:
    done = run("text-me", "+12025550101")

    assert done.code == 0
    assert "to +12025550101" in done.output


def test_the_server_exits_with_0_after_sigterm(sqlite_url: str) -> None:
    with Servers(sqlite_url, command="serve") as servers:
        [process] = servers.processes
        process.terminate()

        assert process.wait(timeout=30) == 0


def test_the_installed_program_reports_an_error_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scheduler.cli", "doctor"],
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "DATABASE_URL": "nonsense",
        },
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "DATABASE_URL: must begin with sqlite:/// or postgresql://.\n"


def test_replies_are_read_without_a_database(run: Run) -> None:
    done = run(
        "read-replies", "--language", "en", stdin="7. also my hand is numb\nC\\nAnn\n7 or 8\n"
    )

    assert [json.loads(line) for line in done.output.splitlines()] == [
        {
            "reply": reply,
            "meaning": meaning,
            "score": None,
            "asks_again": again,
            "before_staff": staff,
        }
        for reply, meaning, again, staff in (
            ("7. also my hand is numb", "emergency", False, True),
            ("C\\nAnn", "confirm", False, True),
            ("7 or 8", "score", True, False),
        )
    ]


def test_a_language_without_a_vocabulary_is_wrong_usage(run: Run) -> None:
    done = run("read-replies", "--language", "tlh", stdin="C\n")

    assert done.code == 2
    assert "'tlh' is not one of en, es." in done.errors
