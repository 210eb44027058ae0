"""Sends texts through Twilio and maps its answers to accepted, refused, later or unknown.

Twilio has no idempotency key, so this module never posts a message twice: no retries, and a time
limit on each call. Twilio's page on error 20500 says that a repeated POST may send a text twice;
its pages on 20422 and 20429 say that such requests were never processed.
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
    is_same_text,
)

LOG = getLogger(__name__)

LONGEST_VALIDITY = 36_000
"""The most seconds that Twilio keeps a message in its queue."""

CLOCK_SKEW = timedelta(minutes=1)
"""How far Twilio's clock, which has whole seconds, may lag behind ours."""

MOST_RECEIVED = 10_000
"""The most messages, ours included, that are searched for replies, newest first."""

PAGE_SIZE = 100
MOST_TO_ONE_PHONE = 400
"""The most messages to one phone that are searched, newest first."""

# Twilio retries a delivery report only if a fragment of the address asks for it (the fragment is
# not signed): up to 3 times, after a failed connection, a timeout or a 5xx answer.
REPORT_RETRIES = "#rc=3&rp=5xx,ct,rt"


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
    """A sender through Twilio. Makes no call yet.

    An API key replaces the auth token. A messaging service has precedence over a number. `api_url`
    replaces Twilio's own address. `timeout`: the most seconds that a call may take.
    """
    if not messaging_service_sid and not from_number:
        raise ValueError("set messaging_service_sid or from_number")
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
            raise ValueError(f"valid_seconds must be at least 1, not {valid_seconds}")
        fields: dict[str, Any] = {
            "to": to,
            "body": text,
            "validity_period": min(valid_seconds, LONGEST_VALIDITY),
            "smart_encoded": False,  # the text must stay as staff saw it and as `find` compares it
            **self._sender,
        }
        if receipt_url:
            fields["status_callback"] = receipt_url + REPORT_RETRIES
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
            raise Unknown("Twilio's answer has no message id.")
        return Accepted(message.sid)

    def find(
        self,
        *,
        to: str,
        text: str,
        since: datetime,
        known: Collection[str] = (),
        varying: str = "",
    ) -> Found | None:
        """See `Sender.find`. Compares creation dates: a queued message has no sending date."""
        earliest = since.astimezone(UTC) - CLOCK_SKEW
        candidates = [
            message
            for message in self._ask(lambda client: client.messages.list(to=to, **_LIMITS))
            if is_same_text(message.body or "", text, varying=varying)
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
        """See `Inbox.received`. The SDK drops time zones, so it gets UTC."""
        to = self._sender.get("from_")
        ours = {"to": to} if to else {}
        messages = self._ask(
            lambda client: client.messages.list(
                date_sent_after=since.astimezone(UTC), limit=MOST_RECEIVED, page_size=1000, **ours
            )
        )
        if messages and len(messages) == MOST_RECEIVED:
            LOG.error("more than %d texts at once: older replies were not read", MOST_RECEIVED)
        return sorted(
            (
                _received(message, since)
                for message in reversed(messages or ())  # oldest first, also within one second
                if message.direction == "inbound" and isinstance(message.sid, str)
            ),
            key=lambda received: received.sent_at,
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, query: Callable[[Any], Any]) -> Any:
        """The answer to a read-only query; None after a 404."""
        http = self._http(None)
        try:
            return query(self._client(http))
        except requests.RequestException as problem:
            raise TryLater("Twilio did not answer our query.") from problem
        except (TwilioException, ValueError, TypeError, AttributeError, KeyError) as problem:
            if http.status == 404:
                return None
            if http.status in (401, 403):
                raise _refusal(None, http.status) from problem
            raise TryLater(
                f"Twilio answered our query with {http.status}.", retry_after=http.retry_after
            ) from problem

    def _http(self, deadline: float | None) -> "_Http":
        return _Http(self._session, self._api_url, self._timeout, deadline)

    def _client(self, http: "_Http") -> Any:
        # One client for each call, so that its deadline and the Retry-After of its answer are not
        # shared between threads. Creating one is cheap.
        username, password = self._login
        return Client(username, password, account_sid=self._account_sid, http_client=http)


_LIMITS = {"limit": MOST_TO_ONE_PHONE, "page_size": PAGE_SIZE}


class _Http(HttpClient):  # type: ignore[misc, unused-ignore]
    """The HTTP client of one call: a time limit, a deadline and no retry."""

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
        timeout: float | None = None,  # noqa: ARG002 - our own limit applies
        allow_redirects: bool = False,  # noqa: ARG002 - never
    ) -> Response:
        """Called by the SDK. Logs nothing, because addresses and fields hold phone numbers."""
        request = requests.Request(
            method.upper(), self._address(uri), headers, data=data, params=params, auth=auth
        )
        prepared = self._session.prepare_request(request)
        settings = self._session.merge_environment_settings(
            prepared.url or "", {}, None, None, None
        )
        # Checked last, right before the request is sent.
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
    """An incoming text. Without a readable date it counts as sent at `since`: none is lost."""
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
    """The outcome that an answer other than 2xx means."""
    if status == 429:
        return RateLimited("Twilio is too busy just now.", retry_after=retry_after)
    if status >= 500 or status == 408:
        return Unknown(f"Twilio answered {status}. It may have taken the message.")
    meaning = codes.meaning(code, status)
    if meaning.policy is Policy.UNKNOWN:
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
        opted_out=meaning.policy is Policy.OPTED_OUT,
        bad_phone=meaning.policy is Policy.FLAG,
        config=meaning.policy in {Policy.MEND, Policy.STOP},
        stops_all=meaning.policy is Policy.STOP,
    )


def _unanswered(problem: requests.RequestException) -> Refused | TryLater | Unknown:
    """The outcome of a call that got no answer."""
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        sentence = "TWILIO_API_URL is not a valid address."
        return Refused(None, sentence, config=True, stops_all=True)
    if _never_left(problem):
        return Unreached("Twilio could not be reached.")
    return Unknown("The connection to Twilio broke before it answered.")


def _never_left(problem: requests.RequestException) -> bool:
    """Whether no connection was made, so that nothing can have been sent."""
    cause: object = problem.args[0] if problem.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    if isinstance(cause, ProxyError):
        cause = cause.original_error
    if isinstance(cause, SSLError):
        return any(isinstance(detail, SSLCertVerificationError) for detail in cause.args)
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The Retry-After of an answer, in seconds or as a date; at most a day. None if unreadable."""
    value = headers.get("Retry-After", "").strip()
    try:
        if value.isdecimal():
            wait = timedelta(seconds=min(int(value), 86_400))
        else:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta(0)), timedelta(days=1))
