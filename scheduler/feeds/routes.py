"""The route that calendar programs read. It needs no sign-in, because the address is secret."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response

from scheduler.feeds import courses
from scheduler.http.context import context_of
from scheduler.http.token_guess_limiter import refuse_guessers

router = APIRouter(
    prefix="/calendars", include_in_schema=False, dependencies=[Depends(refuse_guessers)]
)

ICALENDAR = "text/calendar; charset=utf-8"


@router.get("/{token}.ics")
def read_calendar(token: str, request: Request) -> Response:
    """The calendar file behind a private address. Calendar programs read it again regularly."""
    context = context_of(request)
    host = urlsplit(context.settings.public_url).hostname or "localhost"
    with context.database.transaction(write=False) as session:
        file = courses.file(session, token, host=host, now=context.clock.now())
    return Response(
        file,
        media_type=ICALENDAR,
        headers={"Content-Disposition": 'attachment; filename="sessions.ics"'},
    )
