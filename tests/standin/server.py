"""The stand-in itself: an HTTP server that speaks the Messages resource."""

import base64
import json
import re
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import requests

from tests.standin.contract import against_openapi, complaint
from tests.standin.faults import Fault
from tests.standin.message import TextMessage
from tests.standin.signature import sign

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "token-of-the-stand-in"
KEY = "SK" + "0" * 31 + "2"
KEY_SECRET = "secret-of-the-stand-in"
SERVICE = "MG" + "0" * 31 + "3"

_RESOURCE = re.compile(r"/2010-04-01/Accounts/(?P<account>\w+)/Messages(?:/(?P<sid>\w+))?\.json")


class Standin:
    """A stand-in for Twilio on 127.0.0.1: `with Standin() as twilio: ... twilio.messages`.

    `receipts` are posted automatically for each text, in this order. `journal` is a file that gets
    a line of JSON for each text taken. `now` dates the texts. `origin` replaces scheme and host
    when receipts are posted; the signed address stays the one that was given.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        receipts: Sequence[str] = (),
        journal: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        origin: str | None = None,
    ) -> None:
        self.messages: list[TextMessage] = []
        self.heard: list[TextMessage] = []
        """Texts from patients, whether or not they were posted to the hook."""
        self.posts = 0
        """The number of attempts to send."""
        self.complaints: list[str] = []
        """what was wrong with requests, in words"""
        self.opted_out: set[str] = set()
        self.origin = origin
        self._receipts = receipts
        self._journal = journal
        self._now = now
        self._faults: deque[Fault] = deque()
        self._lock = Lock()
        self.closing = Event()
        self.connections: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The value for TWILIO_API_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def fail_next(self, *faults: Fault) -> None:
        """Let the next texts fail, one fault each."""
        with self._lock:
            self._faults.extend(faults)

    def signed_receipt(
        self, message: TextMessage, status: str, *, error_code: int | None = None
    ) -> tuple[str, dict[str, str], dict[str, str]]:
        """The address, form and headers of a delivery report, for a test that posts it."""
        url = message.callback
        if url is None:
            raise ValueError("this text asked for no receipts")
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "AccountSid": ACCOUNT,
            "MessageStatus": status,
            "SmsStatus": status,
            "To": message.to,
            "From": message.fields.get("From", "+15550006789"),
            "ApiVersion": "2010-04-01",
        }
        if error_code is not None:
            form |= {"ErrorCode": str(error_code), "ErrorMessage": ""}
        return url, form, {"X-Twilio-Signature": sign(url, form, TOKEN)}

    def signed_reply(
        self, url: str, *, sender: str, body: str, sid: str | None = None
    ) -> tuple[str, dict[str, str], dict[str, str]]:
        """The address, form and headers of a text from a patient; blank fields as Twilio has."""
        form = {
            "MessageSid": sid or f"SM{uuid4().hex}",
            "AccountSid": ACCOUNT,
            "From": sender,
            "To": "+15550006789",
            "Body": body,
            "NumMedia": "0",
            "NumSegments": "1",
            "FromCity": "",
            "FromState": "",
            "ApiVersion": "2010-04-01",
        }
        return url, form, {"X-Twilio-Signature": sign(url, form, TOKEN)}

    def hear(self, *, sender: str, body: str, **fields: str) -> TextMessage:
        """Store a text from a patient on the list without posting it to the hook."""
        form = {"From": sender, "To": "+15550006789", "Body": body, **fields}
        at = self._now().astimezone(UTC).replace(microsecond=0)
        message = TextMessage(f"SM{uuid4().hex}", ACCOUNT, form, at, "received")
        message.direction = "inbound"
        self.heard.append(message)
        return message

    def receipt(self, message: TextMessage, status: str, *, error_code: int | None = None) -> int:
        """Move a text on and post the signed receipt; returns what was answered."""
        message.status, message.error_code = status, error_code
        url, form, headers = self.signed_receipt(message, status, error_code=error_code)
        if self.origin:
            parts = urlsplit(url)
            url = self.origin.rstrip("/") + url.removeprefix(f"{parts.scheme}://{parts.netloc}")
        return requests.post(
            url, data=form, headers=headers, timeout=10, allow_redirects=False
        ).status_code

    def next_fault(self) -> Fault | None:
        """The fault that the text at hand must suffer."""
        with self._lock:
            self.posts += 1
            return self._faults.popleft() if self._faults else None

    def take(self, form: dict[str, str]) -> TextMessage:
        """Keep a text, and send its receipts if that was asked for."""
        status = "accepted" if "MessagingServiceSid" in form else "queued"
        created = self._now().astimezone(UTC).replace(microsecond=0)
        message = TextMessage(f"SM{uuid4().hex}", ACCOUNT, form, created, status)
        with self._lock:
            self.messages.append(message)
            if self._journal:
                with self._journal.open("a") as journal:
                    journal.write(json.dumps(message.as_json()) + "\n")
        if self._receipts and message.callback:
            Thread(target=self._send_receipts, args=(message,), daemon=True).start()
        return message

    def _send_receipts(self, message: TextMessage) -> None:
        for status in self._receipts:
            with suppress(requests.RequestException):  # as Twilio: best effort
                self.receipt(message, status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], standin: Standin) -> None:
        self.standin = standin
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without TCP_NODELAY each small answer costs 40 ms on a kept connection.
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.standin.connections.add(self.connection)

    def finish(self) -> None:
        self.server.standin.connections.discard(self.connection)
        super().finish()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/standin/messages":
            self._answer(200, [message.as_json() for message in self._standin.messages])
        elif place := self._place(parts.path):
            sid = place["sid"]
            self._fetch(sid) if sid else self._list(dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        if self.path == "/standin/faults":
            self._standin.fail_next(Fault(**json.loads(body)))
            self._answer(200, {})
        elif place := self._place(self.path):
            form = dict(parse_qsl(body, keep_blank_values=True))
            sid = place["sid"]
            self._update(sid, form) if sid else self._create(form)

    @property
    def _standin(self) -> Standin:
        return self.server.standin

    def _place(self, path: str) -> re.Match[str] | None:
        """The requested resource if it exists and the caller may read it; else sends the error."""
        place = _RESOURCE.fullmatch(path)
        if not place or place["account"] != ACCOUNT:
            self._refuse(404, 20404, "The requested resource was not found")
            return None
        logins = (f"{ACCOUNT}:{TOKEN}", f"{KEY}:{KEY_SECRET}")
        allowed = {"Basic " + base64.b64encode(login.encode()).decode() for login in logins}
        if self.headers.get("Authorization") not in allowed:
            self._refuse(401, 20003, "Authenticate")
            return None
        return place

    def _create(self, form: dict[str, str]) -> None:
        fault = self._standin.next_fault()
        found = against_openapi(form)
        wrong = (20422, "; ".join(found)) if found else complaint(form)
        if not wrong and form["To"] in self._standin.opted_out:
            wrong = 21610, "Attempt to send to unsubscribed recipient"
        if wrong:
            self._standin.complaints.append(wrong[1])
            self._refuse(400, *wrong)
            return
        message = self._standin.take(form) if fault is None or fault.accepts else None
        if fault:
            self._suffer(fault, message)
        elif message:
            self._answer(201, message.as_json())

    def _suffer(self, fault: Fault, message: TextMessage | None) -> None:
        if fault.ends == "hang":
            self._standin.closing.wait()
        elif fault.seconds:
            self._standin.closing.wait(fault.seconds)
        if fault.ends == "answer":
            taken = json.dumps(message.as_json() if message else {})
            body = taken if fault.body is None else fault.body
            self._write(fault.status or 201, body, fault.headers)
        else:
            self.close_connection = True
            # Linger for no time at all: the caller sees a reset, not an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _list(self, query: Mapping[str, str]) -> None:
        size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
        after = query.get("DateSent>")
        since = datetime.fromisoformat(after) if after else datetime.min.replace(tzinfo=UTC)
        every = sorted(
            [*self._standin.messages, *self._standin.heard], key=lambda each: each.created_at
        )
        wanted = [
            message
            for message in reversed(every)
            if query.get("To") in (None, message.to) and message.created_at >= since
        ]
        more = len(wanted) > (page + 1) * size
        here = urlsplit(self.path).path
        following = f"{here}?{urlencode({**query, 'Page': page + 1})}" if more else None
        shown = wanted[page * size : (page + 1) * size]
        self._answer(
            200,
            {
                "messages": [message.as_json() for message in shown],
                "page": page,
                "page_size": size,
                "next_page_uri": following,
                "uri": self.path,
            },
        )

    def _fetch(self, sid: str) -> None:
        if message := self._known(sid):
            self._answer(200, message.as_json())

    def _update(self, sid: str, form: Mapping[str, str]) -> None:
        message = self._known(sid)
        if not message:
            return
        if form.get("Status") == "canceled":
            if message.status not in ("queued", "accepted", "scheduled"):
                self._refuse(400, 30409, "Message is not in a cancelable state")
                return
            message.status = "canceled"
        if form.get("Body") == "":
            message.fields["Body"] = ""
        self._answer(200, message.as_json())

    def _known(self, sid: str) -> TextMessage | None:
        for message in self._standin.messages:
            if message.sid == sid:
                return message
        self._refuse(404, 20404, "The requested resource was not found")
        return None

    def _refuse(self, status: int, code: int, words: str) -> None:
        info = f"https://www.twilio.com/docs/errors/{code}"
        self._answer(status, {"code": code, "message": words, "more_info": info, "status": status})

    def _answer(self, status: int, content: object) -> None:
        self._write(status, json.dumps(content), {})

    def _write(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        content = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
