"""Whether response times reveal known phones and accounts: a lost link, a wrong password."""

import statistics
import sys
import time
from collections.abc import Callable
from typing import cast

from httpx import Response

from benchmarks.load import databases
from scheduler import app
from scheduler.audit.audit_trail import OPERATOR
from scheduler.clinic.models import Clinic
from scheduler.infra.settings import Settings
from scheduler.patients import register
from scheduler.staff import accounts
from scheduler.storage.database import Database
from tests.api.conftest import FrozenClock, TestClient
from tests.builders.cast import NOW, settle

ROUNDS = 200
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
KEY = "a key for benchmarks that is long enough"


def main() -> int:
    """Print a row for each request and database; return 1 if a response differs."""
    with databases() as opened:
        return 0 if all(measured(*database) for database in opened) else 1


def measured(name: str, database: Database) -> bool:
    """Print the rows of one database. Whether known and unknown get the same response."""
    people(database)
    clock = FrozenClock(NOW)
    settings = Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")
    with TestClient(app.create(settings, database, clock), follow_redirects=False) as client:

        def lost_link(number: int, *, known: bool) -> Response:
            phone = f"(202) 555-{'01' if known else '11'}{number % 100:02}"
            asked = client.post("/lost-link", data={"phone": phone}, headers=SAME_ORIGIN)
            return cast("Response", asked)

        def sign_in(number: int, *, known: bool) -> Response:
            email = f"{'member' if known else 'nobody'}{number % 10}@example.org"
            body = {"email": email, "password": "not the one that it is"}
            return cast("Response", client.post("/api/v1/sign-ins", json=body))

        doors = {"lost link": lost_link, "wrong password": sign_in}
        return all(compared(f"{name:<10} {door:<14}", ask, clock) for door, ask in doors.items())


def people(database: Database) -> None:
    """Add a hundred patients and ten staff members."""
    with database.transaction() as session:
        clinic = session.get_one(Clinic, settle(session).clinic)
        for number in range(100):
            register.enroll(
                session,
                OPERATOR,
                clinic=clinic,
                name="Pat Example",
                phone=f"+120255501{number:02}",
                language="en",
                now=NOW,
            )
        for number in range(10):
            accounts.add(
                session,
                email=f"member{number}@example.org",
                name="Member Example",
                role="front_desk",
                password="a password nobody tries",  # noqa: S106 - of a benchmark
                clinic_ids=None,
                now=NOW,
            )


def compared(door: str, ask: Callable[..., Response], clock: FrozenClock) -> bool:
    """Request both in turn and print the medians. Whether all responses were the same."""
    took: dict[bool, list[float]] = {True: [], False: []}
    responses = set()
    for number in range(ROUNDS):
        for known, times in took.items():
            clock.move(hours=13)  # so that no limit applies
            began = time.perf_counter()
            answer = ask(number, known=known)
            times.append(1000 * (time.perf_counter() - began))
            body = answer.text.replace(answer.headers.get("x-request-id", " "), "")
            responses.add((answer.status_code, answer.headers.get("location"), body))
    known_ms, unknown_ms = (statistics.median(took[known]) for known in (True, False))
    slower = statistics.mean(a > b for a in took[True] for b in took[False])
    print(
        f"{door} known {known_ms:6.1f} ms   unknown {unknown_ms:6.1f} ms"
        f"   {known_ms / unknown_ms - 1:+.1%}   known slower than unknown in {slower:.0%} of pairs"
    )
    if len(responses) != 1:
        print(f"{door}: answered in {len(responses)} ways: {responses}", file=sys.stderr)
    return len(responses) == 1


if __name__ == "__main__":
    sys.exit(main())
