"""audit verify: checks that no entry of the audit trail was changed or removed."""

from scheduler.audit import chain
from scheduler.audit.chain import Break, Fault
from scheduler.commands.process import check_version, opened, say
from scheduler.infra.errors import Invalid

SENTENCES = {
    Fault.CHANGED: "Entry {entry} (position {position} of the chain) or its hash was changed.",
    Fault.REMOVED: "Entry {entry} (position {position} of the chain) was removed.",
    Fault.SEAL_REMOVED: "The hash at position {position} of the chain was removed.",
    Fault.OTHER_CHAIN: "The hash at position {position} is not the one that you noted.",
}
ADVICE = "Keep a copy of the database, and compare it with a backup."


def verify(known: str) -> bool:
    """Check the chain and say the first broken entry. Returns whether the chain is whole.

    `known`: `POSITION:HASH` as printed by an earlier check, or an empty string.
    """
    noted = _noted(known)
    with opened() as (_, database):
        check_version(database)
        with database.transaction(write=False) as session:
            found = chain.verify(session, known=noted)
    if found.broken is not None:
        say(f"{_sentence(found.broken)} {ADVICE}")
        return False
    say(f"{found.sealed} entries of the audit trail are unchanged.")
    if found.unsealed:
        say(f"Entries without a hash yet: {found.unsealed}. The worker adds it within seconds.")
    say(
        f"The chain ends with {found.sealed}:{found.end}. Note this in another place, and give it"
        " to --known later, to notice entries that are missing at the end."
    )
    return True


def _sentence(broken: Break) -> str:
    return SENTENCES[broken.fault].format(entry=broken.entry_id, position=broken.position)


def _noted(known: str) -> tuple[int, str] | None:
    if not known:
        return None
    position, _, start = known.partition(":")
    if not (position.isdecimal() and start):
        raise Invalid(f"“{known}” is not a position and a hash. Send both, such as 120:9f3c2a.")
    return int(position), start
