"""Signing in with a password."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field, SecretStr

from scheduler.api.http.auth import origin_of
from scheduler.api.http.fields import Shape, Text
from scheduler.http.context import context_of
from scheduler.staff import accounts, password_rules

router = APIRouter(prefix="/sign-ins", tags=["sign-ins"])


class Credentials(Shape):
    """The credentials of a staff member."""

    email: Text = Field(min_length=3, max_length=254, examples=["front.desk@example.org"])
    password: SecretStr = Field(min_length=1, max_length=password_rules.LONGEST)


class SignInToken(Shape):
    """A token for the header `Authorization: Bearer`. It expires after 30 minutes without use."""

    token: str
    expires_at: str


@router.post("", status_code=201, response_model=SignInToken)
def sign_in(request: Request, body: Credentials) -> JSONResponse:
    """Exchange an email address and a password for a token."""
    context, origin = context_of(request), origin_of(request)
    request_id = request.state.request_id
    now = context.clock.now()
    # Three short transactions: hashing is slow, and no writer must wait for it.
    with context.database.transaction(write=False) as session:
        account = accounts.account(session, email=body.email, origin=origin, now=now)
    if not accounts.fits(account, body.password.get_secret_value()):
        with context.database.transaction() as session:
            accounts.note_wrong(session, email=body.email, origin=origin, now=now)
        raise accounts.NotSignedIn("The email address or the password is wrong. Check both.")
    with context.database.transaction() as session:
        row, token = accounts.sign_in(
            session, account, origin=origin, request_id=request_id, now=now
        )
        expires_at = row.expires_at.isoformat()
    return JSONResponse(SignInToken(token=token, expires_at=expires_at).model_dump(), 201)
