"""Routes that the carrier calls: delivery reports, and texts from patients.

Both could be forged, so each call must carry Twilio's signature. It is made with our auth token
over the address as Twilio knows it and all fields. A signature never expires, but each message has
an id, so a call that comes twice changes nothing.
"""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped, unused-ignore]

from scheduler.http.context import context_of
from scheduler.infra.errors import Unavailable
from scheduler.reminders.replies import handle, inbound
from scheduler.reminders.sending import delivery_reports
from scheduler.sms.sender import Found
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

router = APIRouter(prefix="/hooks/twilio", include_in_schema=False)

MOST_BYTES = 64 * 1024
SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
CODE = re.compile(r"[0-9]{1,9}")
NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""Replies go through the outbox, so that they are sent once. This response sends none."""


async def read_fields(request: Request) -> Mapping[str, str]:
    """The fields of a call; 403 unless Twilio has signed it."""
    settings = context_of(request).settings
    # The signature includes blank and repeated fields.
    pairs = parse_qsl(await _body(request), keep_blank_values=True)
    fields = ImmutableMultiDict(pairs)
    signature = request.headers.get("X-Twilio-Signature")
    validator = RequestValidator(settings.twilio_auth_token)
    if (
        not settings.twilio_auth_token
        or not signature
        or not validator.validate(_signed_address(request), fields, signature)
        or fields.get("AccountSid") != settings.twilio_account_sid
    ):
        raise HTTPException(403, "This does not come from our carrier.")
    return fields


async def _body(request: Request) -> str:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "This is too long.")
    return body.decode("utf-8", errors="replace")


def _signed_address(request: Request) -> str:
    """The address that Twilio called. The host is from the settings: a proxy shows us another.

    Path and query stay as they came. Encoding them again could change them and break the signature.
    """
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    address = f"{context_of(request).settings.public_url}{path.decode('latin-1')}"
    return f"{address}?{query.decode('latin-1')}" if query else address


Fields = Annotated[Mapping[str, str], Depends(read_fields)]


async def take_turn(request: Request, _fields: Fields) -> AsyncIterator[Database]:
    """The database, when it is our turn to write. Only signed calls get this far.

    Unavailable if the turn does not come. The carrier then gets a 5xx and tries again.
    """
    database = context_of(request).database
    async with database.turn():
        yield database


HookDatabase = Annotated[Database, Depends(take_turn, scope="function")]


@router.post("/receipts/{token}", status_code=204)
def take_receipt(token: str, request: Request, fields: Fields, database: HookDatabase) -> None:
    """Record a delivery report. An unknown token is no error, so Twilio does not retry."""
    sid, code = fields.get("MessageSid", ""), fields.get("ErrorCode", "")
    if not SID.fullmatch(sid):
        return
    error_code = int(code) if CODE.fullmatch(code) else None
    report = Found(sid, fields.get("MessageStatus", ""), error_code)
    with database.unit(write=True) as session:
        delivery_reports.note(
            session, token=token, report=report, now=context_of(request).clock.now()
        )


@router.post("/replies")
def take_reply(request: Request, fields: Fields, database: HookDatabase) -> Response:
    """Store a text from a patient, then act on it. A stored text need not come again."""
    sid, media = fields.get("MessageSid", ""), fields.get("NumMedia", "")
    reply_id = None
    if SID.fullmatch(sid):
        with database.unit(write=True) as session:
            reply_id = inbound.store(
                session,
                carrier_id=sid,
                phone=fields.get("From", ""),
                body=fields.get("Body", ""),
                carrier_did=fields.get("OptOutType", ""),
                pictures=int(media) if CODE.fullmatch(media) else 0,
                now=context_of(request).clock.now(),
            )
    if reply_id is not None:
        _read(database, reply_id, now=context_of(request).clock.now())
    return Response(NO_REPLY, media_type="text/xml")


def _read(database: Database, reply_id: int, *, now: datetime) -> None:
    """Act on a text at once. If that fails, a worker tries it again."""
    try:
        with database.unit(write=True) as session:
            handle.read(session, reply_id, now=now)
    except (StaleDataError, IntegrityError) as problem:
        # Staff changed the same session in the meantime, so Twilio should call again.
        raise Busy from problem
    except (Busy, Unavailable):
        raise
    except Exception:
        LOG.exception("the reply %d could not be read", reply_id)
