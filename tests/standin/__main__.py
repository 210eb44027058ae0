"""The stand-in as a process of its own: `python -m tests.standin PORT JOURNAL [RECEIPT...]`.

Prints its address, writes a line of JSON to the journal for each text it takes, and runs until it
is ended. `POST /standin/faults` with the fields of a `Fault` lets the next text fail;
`GET /standin/messages` lists what was taken.
"""

import signal
import sys
from pathlib import Path
from threading import Event

from tests.standin.server import Standin


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    port, journal, *receipts = sys.argv[1:]
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Standin(port=int(port), journal=Path(journal), receipts=receipts) as standin:
        sys.stdout.write(f"{standin.url}\n")
        sys.stdout.flush()
        ended.wait()


main()
