"""A text as the stand-in keeps it."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any


@dataclass
class TextMessage:
    """One text that was taken. `fields` is the form it came as."""

    sid: str
    account_sid: str
    fields: dict[str, str]
    created_at: datetime
    status: str
    error_code: int | None = None
    direction: str = "outbound-api"

    @property
    def to(self) -> str:
        """The phone it is for."""
        return self.fields["To"]

    @property
    def body(self) -> str:
        """The text."""
        return self.fields["Body"]

    @property
    def callback(self) -> str | None:
        """Where its receipts go, without the fragment that tells Twilio how to repeat them."""
        url = self.fields.get("StatusCallback")
        return url and url.partition("#")[0]

    def as_json(self) -> dict[str, Any]:
        """As Twilio writes it, oddities included: `num_segments` is a string."""
        resource = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"
        created = format_datetime(self.created_at)
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": created,
            "date_sent": None if self.status in ("queued", "accepted") else created,
            "date_updated": created,
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.fields.get("From"),
            "messaging_service_sid": self.fields.get("MessagingServiceSid"),
            "num_media": self.fields.get("NumMedia", "0"),
            "num_segments": "0" if "MessagingServiceSid" in self.fields else "1",
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{resource}/Media.json"},
            "to": self.to,
            "uri": f"{resource}.json",
        }
