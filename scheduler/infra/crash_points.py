"""Points where a test can kill the process, to check that no text is lost or sent twice."""

import os

KILLED = 137
"""Exit code of a process that was killed, as a shell reports it."""


def crash_point(name: str) -> None:
    """End the process without cleanup if the environment variable CRASH_AT names this point."""
    if os.environ.get("CRASH_AT") == name:
        os._exit(KILLED)
