"""The ways in which a call to Twilio can go wrong."""

import json
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """The outcome of one POST: whether the text is taken, the delay, and the answer."""

    accepts: bool
    ends: Literal["answer", "hang", "reset"] = "answer"
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """to wait before it ends; a hang ends when the caller or the stand-in goes away"""

    @classmethod
    def hang(cls, *, accepts: bool = True) -> "Fault":
        """Take the text and never answer."""
        return cls(accepts=accepts, ends="hang")

    @classmethod
    def reset(cls, *, accepts: bool) -> "Fault":
        """Break the connection, before or after the text is taken."""
        return cls(accepts=accepts, ends="reset")

    @classmethod
    def broken(cls, status: int = 500, *, accepts: bool = True) -> "Fault":
        """Answer 5xx, the text taken or not."""
        body = _error(20500, "Internal error", status)
        return cls(accepts=accepts, status=status, body=body)

    @classmethod
    def too_many(cls, retry_after: str | None = "7") -> "Fault":
        """Answer 429; the text is not taken."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        body = _error(20429, "Too many requests", 429)
        return cls(accepts=False, status=429, body=body, headers=headers)

    @classmethod
    def slow(cls, seconds: float) -> "Fault":
        """Take the text and answer well, but late."""
        return cls(accepts=True, seconds=seconds)

    @classmethod
    def html(cls, status: int = 200, *, accepts: bool = True) -> "Fault":
        """Answer with a page for people, as a proxy in between does."""
        return cls(
            accepts=accepts,
            status=status,
            body="<html><h1>Welcome</h1></html>",
            headers={"Content-Type": "text/html"},
        )

    @classmethod
    def refuse(cls, code: int, status: int = 400) -> "Fault":
        """Answer with one of Twilio's errors; the text is not taken."""
        body = _error(code, "Refused", status)
        return cls(accepts=False, status=status, body=body)


def _error(code: int, words: str, status: int) -> str:
    return json.dumps({"code": code, "message": words, "status": status})
