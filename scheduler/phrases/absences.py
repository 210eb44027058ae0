"""Why sessions have no place during an absence. Only staff read it, in English."""

from collections.abc import Mapping
from typing import Any

from scheduler.booking.planning import fact_json
from scheduler.booking.stored_values import Placing
from scheduler.i18n.translation import gettext as _
from scheduler.phrases import no_plan, pace

NO_PLACE = "nothing else is free on that day, and no day within two weeks of it keeps the pace"
TAKEN = "others have the times that are left"
BREAKS_PACE = "This would break the pace of the course."


def why_unplaced(placing: Placing) -> str:
    """Words after "because"; empty for a session that has a place."""
    if placing.to is not None:
        return ""
    if placing.not_later is None:
        return NO_PLACE
    later = _not_later(placing.not_later).rstrip(".")
    return f"{NO_PLACE}; nor can its course go on later: {later}"


def _not_later(refusal: Mapping[str, Any]) -> str:
    if found := fact_json.REFUSAL.load(refusal.get("no_plan")):
        return no_plan.of_session(found.session_number, found.reason)
    if violations := fact_json.VIOLATION.load_all(refusal.get("violations", ())):
        return f"{_(BREAKS_PACE)} {pace.sentences(violations)}"
    return str(refusal.get("sentence", TAKEN))
