"""How Twilio signs what it posts to us, written from its page and not from its library."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(url: str, form: Mapping[str, str], token: str) -> str:
    """The `X-Twilio-Signature` of a form: the address, then each key and value, sorted by key."""
    signed = url + "".join(key + form[key] for key in sorted(form))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
