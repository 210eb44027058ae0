"""Places where a test may kill the process, to show that nothing is lost or done twice."""

import os

KILLED = 137
"""The exit code of a process that was killed outright, as a shell reports it."""


def crash_point(name: str) -> None:
    """Die here, without cleaning up, if the environment's CRASH_AT names this place."""
    if os.environ.get("CRASH_AT") == name:
        os._exit(KILLED)
