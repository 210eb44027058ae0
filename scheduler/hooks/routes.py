"""The carrier's door: receipts of what we sent, and what patients text to us.

Whoever knows these addresses could make up both, so each call must carry Twilio's signature, made
with our auth token over the address as Twilio knows it and each field. A signature holds for ever:
what comes twice is told by the message's own id and changes nothing.
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

from scheduler.infra.errors import Unavailable
from scheduler.reminders.replies import handle, inbound
from scheduler.reminders.sending import delivery_reports
from scheduler.sms.sender import Found
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

router = APIRouter(prefix="/hooks/twilio", include_in_schema=False)

MAX_BODY = 64 * 1024
SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
CODE = re.compile(r"[0-9]{1,9}")
SILENCE = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""Answers go out through the outbox, so that they are sent once; here we say nothing."""


async def read_fields(request: Request) -> Mapping[str, str]:
    """The fields of a call that Twilio has signed; 403 for any other."""
    settings = request.app.state.context.settings
    # Blank fields and repeated ones are signed too.
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
        if len(body) > MAX_BODY:
            raise HTTPException(413, "This is too long.")
    return body.decode("utf-8", errors="replace")


def _signed_address(request: Request) -> str:
    """The address that Twilio called: from the settings, for behind a proxy we see another.

    Path and query as they came: written anew, they could differ and no longer fit the signature.
    """
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    address = f"{request.app.state.context.settings.public_url}{path.decode('latin-1')}"
    return f"{address}?{query.decode('latin-1')}" if query else address


Fields = Annotated[Mapping[str, str], Depends(read_fields)]


async def take_turn(request: Request, _fields: Fields) -> AsyncIterator[Database]:
    """The database, once it is our turn to write. Only for what is signed.

    Unavailable, if it does not come: the carrier is answered 5xx then and tries again, as we asked
    it to.
    """
    database: Database = request.app.state.context.database
    async with database.turn():
        yield database


Turn = Annotated[Database, Depends(take_turn, scope="function")]


@router.post("/receipts/{token}", status_code=204)
def take_receipt(token: str, request: Request, fields: Fields, database: Turn) -> None:
    """What became of a text. An unknown token or status is no error: Twilio need not ask again."""
    sid, code = fields.get("MessageSid", ""), fields.get("ErrorCode", "")
    if not SID.fullmatch(sid):
        return
    said = Found(sid, fields.get("MessageStatus", ""), int(code) if CODE.fullmatch(code) else None)
    with database.unit(write=True) as session:
        delivery_reports.note(
            session, token=token, report=said, now=request.app.state.context.clock.now()
        )


@router.post("/replies")
def take_reply(request: Request, fields: Fields, database: Turn) -> Response:
    """What somebody texted to us. Kept first: whatever becomes of it, it need not come again."""
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
                now=request.app.state.context.clock.now(),
            )
    if reply_id is not None:
        _read(database, reply_id, now=request.app.state.context.clock.now())
    return Response(SILENCE, media_type="text/xml")


def _read(database: Database, reply_id: int, *, now: datetime) -> None:
    """Do at once what a text asks. Where the program fails on it, a worker tries it again."""
    try:
        with database.unit(write=True) as session:
            handle.read(session, reply_id, now=now)
    except (StaleDataError, IntegrityError) as problem:
        # Staff changed the same session meanwhile: it is read anew, as things are now.
        raise Busy from problem
    except (Busy, Unavailable):
        raise
    except Exception:
        LOG.exception("the reply %d could not be read", reply_id)
