"""Texts through Twilio: which of its answers mean sent, never, later, or that we do not know.

Twilio has no idempotency key. So nothing is ever posted twice from here: no retries, a time limit
on each call, and each answer has one of four meanings. Its page on error 20500 says that a repeated
POST may send a text twice; those on 20422 and 20429 say that these were never processed.
"""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from logging import getLogger
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import (  # type: ignore[import-untyped, unused-ignore]
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http import HttpClient  # type: ignore[import-untyped, unused-ignore]
from twilio.http.response import Response  # type: ignore[import-untyped, unused-ignore]
from twilio.rest import Client  # type: ignore[import-untyped, unused-ignore]
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from scheduler.sms import codes
from scheduler.sms.codes import Policy
from scheduler.sms.sender import (
    Accepted,
    Found,
    LeaseLost,
    RateLimited,
    Received,
    Refused,
    TryLater,
    Unknown,
    Unreached,
)

LOG = getLogger(__name__)

LONGEST_VALIDITY = 36_000
"""Seconds that Twilio lets a text wait in its queue at most."""

CLOCK_SKEW = timedelta(minutes=1)
"""How far Twilio's clock, which writes whole seconds, may be behind ours."""

MOST_RECEIVED = 10_000
"""How many texts, ours among them, are looked through for replies at most, newest first."""

PAGE = 100
MANY = 400
"""How many texts to one phone are looked through at most, newest first."""

# Twilio repeats a receipt only if asked to, in a fragment that is no part of the signed address:
# up to 3 times, when it cannot connect, waits too long or is answered 5xx.
INSIST = "#rc=3&rp=5xx,ct,rt"


def connect(
    *,
    account_sid: str,
    auth_token: str,
    api_key: str | None = None,
    api_secret: str | None = None,
    messaging_service_sid: str | None = None,
    from_number: str | None = None,
    api_url: str | None = None,
    timeout: float = 10.0,
) -> "Twilio":
    """A sender through Twilio; nothing is asked of it yet.

    With an API key, that is used instead of the auth token. A messaging service goes before a
    number. `api_url` takes the place of Twilio's own address. `timeout`: seconds a call may take.
    """
    if not messaging_service_sid and not from_number:
        raise ValueError("a messaging service or a number to send from is needed")
    return Twilio(
        account_sid=account_sid,
        login=(api_key, api_secret) if api_key and api_secret else (account_sid, auth_token),
        sender=(
            {"messaging_service_sid": messaging_service_sid}
            if messaging_service_sid
            else {"from_": from_number}
        ),
        api_url=api_url,
        timeout=timeout,
    )


class Twilio:
    """Sends through the Messages resource of one account. Threads may share it."""

    def __init__(
        self,
        *,
        account_sid: str,
        login: tuple[str | None, str | None],
        sender: dict[str, str | None],
        api_url: str | None,
        timeout: float,
    ) -> None:
        self._account_sid = account_sid
        self._login = login
        self._sender = sender
        self._api_url = api_url
        self._timeout = timeout
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=32))

    def send(
        self,
        *,
        to: str,
        text: str,
        receipt_url: str | None,
        valid_seconds: int,
        deadline: float | None = None,
    ) -> Accepted:
        """See `Sender.send`."""
        if valid_seconds < 1:
            raise ValueError("this text is of no more use")
        fields: dict[str, Any] = {
            "to": to,
            "body": text,
            "validity_period": min(valid_seconds, LONGEST_VALIDITY),
            "smart_encoded": False,  # what is sent is what was shown to staff, and what we look for
            **self._sender,
        }
        if receipt_url:
            fields["status_callback"] = receipt_url + INSIST
        http = self._http(deadline)
        try:
            message = self._client(http).messages.create(**fields)
        except (TwilioRestException, TwilioServiceException) as answer:
            raise _meaning(answer.status, answer.code, http.retry_after) from answer
        except requests.RequestException as problem:
            raise _unanswered(problem) from problem
        except (ValueError, TypeError, AttributeError) as problem:
            raise Unknown("Twilio's answer could not be read.") from problem
        if not isinstance(message.sid, str):
            raise Unknown("Twilio's answer did not name the text.")
        return Accepted(message.sid)

    def find(
        self, *, to: str, text: str, since: datetime, known: Collection[str] = ()
    ) -> Found | None:
        """See `Sender.find`. A text still in the queue has no date of sending: look at creation."""
        earliest = since.astimezone(UTC) - CLOCK_SKEW
        candidates = [
            message
            for message in self._ask(lambda client: client.messages.list(to=to, **_LIMITS))
            if (message.body or "").endswith(text)  # a trial account puts a line before it
            and str(message.direction).startswith("outbound")
            and message.sid not in known
            and (message.date_created is None or message.date_created >= earliest)
        ]
        if not candidates:
            return None
        candidates.reverse()  # oldest first, also among those of one second
        return _found(min(candidates, key=lambda message: message.date_created or earliest))

    def fetch(self, sid: str) -> Found | None:
        """See `Sender.fetch`."""
        message = self._ask(lambda client: client.messages(sid).fetch())
        return message and _found(message)

    def received(self, *, since: datetime) -> list[Received]:
        """See `Inbox.received`. Twilio's library drops zones: it must be told UTC."""
        to = self._sender.get("from_")
        ours = {"to": to} if to else {}
        messages = self._ask(
            lambda client: client.messages.list(
                date_sent_after=since.astimezone(UTC), limit=MOST_RECEIVED, page_size=1000, **ours
            )
        )
        if messages and len(messages) == MOST_RECEIVED:
            LOG.error("More than %d texts at once: older replies were not seen.", MOST_RECEIVED)
        return sorted(
            (
                _received(each, since)
                for each in reversed(messages or ())  # oldest first, also within one second
                if each.direction == "inbound" and isinstance(each.sid, str)
            ),
            key=lambda each: each.sent_at,
        )

    def close(self) -> None:
        """Hang up on Twilio."""
        self._session.close()

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """The answer to a question that changes nothing; None if there is no such thing."""
        http = self._http(None)
        try:
            return question(self._client(http))
        except requests.RequestException as problem:
            raise TryLater("Twilio did not answer our question.") from problem
        except (TwilioException, ValueError, TypeError, AttributeError, KeyError) as problem:
            if http.status == 404:
                return None
            if http.status in (401, 403):
                raise _refusal(None, http.status) from problem
            raise TryLater(
                f"Twilio answered our question with {http.status}.", retry_after=http.retry_after
            ) from problem

    def _http(self, deadline: float | None) -> "_Http":
        return _Http(self._session, self._api_url, self._timeout, deadline)

    def _client(self, http: "_Http") -> Any:
        # One for each call: it is light, and so the call's deadline and its answer's Retry-After
        # belong to nobody else.
        username, password = self._login
        return Client(username, password, account_sid=self._account_sid, http_client=http)


_LIMITS = {"limit": MANY, "page_size": PAGE}


class _Http(HttpClient):  # type: ignore[misc, unused-ignore]
    """One call's way out: with a time limit, a deadline, and no second try."""

    def __init__(
        self,
        session: requests.Session,
        api_url: str | None,
        timeout: float,
        deadline: float | None,
    ) -> None:
        super().__init__(getLogger(__name__), is_async=False, timeout=timeout)
        self._session = session
        self._api_url = api_url
        self._limits = (timeout * 0.3, timeout * 0.7)  # to connect, to answer
        self._deadline = deadline
        self.status: int | None = None
        self.retry_after: timedelta | None = None

    def request(  # noqa: PLR0917 - the SDK's own signature
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - ours is the limit
        allow_redirects: bool = False,  # noqa: ARG002 - never
    ) -> Response:
        """Called by the SDK. Logs nothing: addresses and fields hold phone numbers."""
        request = requests.Request(
            method.upper(), self._address(uri), headers, data=data, params=params, auth=auth
        )
        prepared = self._session.prepare_request(request)
        settings = self._session.merge_environment_settings(
            prepared.url or "", {}, None, None, None
        )
        # As late as can be: what follows is the socket.
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise LeaseLost
        answer = self._session.send(
            prepared, timeout=self._limits, allow_redirects=False, **settings
        )
        self.status = answer.status_code
        self.retry_after = _retry_after(answer.headers)
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        if not self._api_url:
            return uri
        parts = urlsplit(uri)
        query = f"?{parts.query}" if parts.query else ""
        return f"{self._api_url.rstrip('/')}{parts.path}{query}"


def _received(message: Any, since: datetime) -> Received:
    """A text to us. One whose date cannot be read is as old as it can be, so that none is lost."""
    dates = (message.date_sent, message.date_created)
    media = str(message.num_media or "")
    return Received(
        sid=message.sid,
        phone=message.from_ or "",
        text=message.body or "",
        sent_at=next((day for day in dates if isinstance(day, datetime)), since),
        pictures=int(media) if media.isdecimal() else 0,
    )


def _found(message: Any) -> Found:
    return Found(message.sid, str(message.status), message.error_code)


def _meaning(
    status: int, code: int | None, retry_after: timedelta | None
) -> Refused | TryLater | Unknown:
    """What an answer other than 2xx means for the text."""
    if status == 429:
        return RateLimited("Twilio has too much to do just now.", retry_after=retry_after)
    if status >= 500 or status == 408:
        return Unknown(f"Twilio answered {status}: it may have taken the text, or not.")
    meaning = codes.meaning(code, status)
    if meaning.do is Policy.UNKNOWN:
        return Unknown(meaning.sentence)
    if meaning.tries_again:
        wait = max(retry_after or timedelta(0), meaning.wait)
        return TryLater(meaning.sentence, retry_after=wait)
    return _refusal(code, status)


def _refusal(code: int | None, status: int) -> Refused:
    meaning = codes.meaning(code, status)
    return Refused(
        code,
        meaning.sentence,
        opted_out=meaning.do is Policy.OPTED_OUT,
        bad_phone=meaning.do is Policy.FLAG,
        config=meaning.do in {Policy.MEND, Policy.STOP},
        stops_all=meaning.do is Policy.STOP,
    )


def _unanswered(problem: requests.RequestException) -> Refused | TryLater | Unknown:
    """What it means that there was no answer at all."""
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        sentence = "Twilio's address is not one; look at TWILIO_API_URL."
        return Refused(None, sentence, config=True, stops_all=True)
    if _never_left(problem):
        return Unreached("Twilio could not be reached.")
    return Unknown("The connection to Twilio broke before it answered.")


def _never_left(problem: requests.RequestException) -> bool:
    """Whether the connection was never made, so that nothing can have been sent through it."""
    cause: object = problem.args[0] if problem.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    if isinstance(cause, ProxyError):
        cause = cause.original_error
    if isinstance(cause, SSLError):
        return any(isinstance(detail, SSLCertVerificationError) for detail in cause.args)
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds, or a date beside the answer's own; a day at most. Unreadable is as good as none."""
    value = headers.get("Retry-After", "").strip()
    try:
        if value.isdecimal():
            wait = timedelta(seconds=min(int(value), 86_400))
        else:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta(0)), timedelta(days=1))
