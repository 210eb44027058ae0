"""The stand-in posts receipts as Twilio does, and runs as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from urllib.parse import parse_qsl

import pytest
import requests

from tests.standin import ACCOUNT, TOKEN, Standin, sign

PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
FORM = {"To": "+14155550123", "From": "+15550006789", "Body": "Hello"}


class Hook:
    """A place where receipts arrive: (path, form, signature)."""

    def __init__(self) -> None:
        got: Queue[tuple[str, dict[str, str], str]] = Queue()
        self.got = got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(body, keep_blank_values=True))
                got.put((self.path, form, self.headers["X-Twilio-Signature"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    thread = Thread(target=hook.server.serve_forever, args=(0.02,))
    thread.start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


def post(url: str, **fields: str) -> None:
    answer = requests.post(url + PATH, data={**FORM, **fields}, auth=(ACCOUNT, TOKEN), timeout=5)
    assert answer.status_code == 201


def test_receipts_come_by_themselves_and_are_signed_for_the_public_address(hook: Hook) -> None:
    public = "https://clinic.example/receipts/a1?x=1"
    with Standin(receipts=("sent", "delivered"), origin=hook.url) as carrier:
        post(carrier.url, StatusCallback=public + "#rc=3")
        arrived = [hook.got.get(timeout=5) for _ in range(2)]

    assert [(path, form["MessageStatus"]) for path, form, _ in arrived] == [
        ("/receipts/a1?x=1", "sent"),
        ("/receipts/a1?x=1", "delivered"),
    ]
    assert all(signature == sign(public, form, TOKEN) for _, form, signature in arrived)


def test_a_receipt_can_be_posted_on_demand(hook: Hook) -> None:
    with Standin() as carrier:
        post(carrier.url, StatusCallback=f"{hook.url}/r")

        assert carrier.receipt(carrier.messages[0], "undelivered", error_code=30005) == 204

    _, form, _ = hook.got.get(timeout=5)
    assert (form["MessageStatus"], form["ErrorCode"]) == ("undelivered", "30005")


def test_a_queued_text_can_be_cancelled_and_its_words_erased() -> None:
    with Standin() as carrier:
        post(carrier.url)
        [message] = carrier.messages
        url = carrier.url + PATH.replace(".json", f"/{message.sid}.json")

        for form in ({"Status": "canceled"}, {"Body": ""}):
            assert requests.post(url, data=form, auth=(ACCOUNT, TOKEN), timeout=5).ok

    assert (message.status, message.body) == ("canceled", "")


def test_it_runs_as_a_process_and_keeps_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "texts.jsonl"
    command = [sys.executable, "-m", "tests.standin", "0", str(journal)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        fault = {"accepts": True, "status": 500, "body": "{}"}
        requests.post(f"{url}/standin/faults", json=fault, timeout=5)
        failed = requests.post(url + PATH, data=FORM, auth=(ACCOUNT, TOKEN), timeout=5)
        post(url, Body="again")
        listed = requests.get(f"{url}/standin/messages", timeout=5).json()
        process.terminate()

    assert failed.status_code == 500
    assert [message["body"] for message in listed] == ["Hello", "again"]
    assert [json.loads(line) for line in journal.read_text().splitlines()] == listed
    assert process.returncode == 0
