"""Asynchronous code in a thread of its own.

The thread of the tests may have a loop running already: Playwright keeps one from the first test
that has a browser to the last test of the worker, in whatever order they come.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

from anyio.from_thread import start_blocking_portal

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


def run(call: Callable[[*Arguments], Awaitable[Result]], *arguments: *Arguments) -> Result:
    """The call's result; raises its exception."""
    with start_blocking_portal() as portal:
        return portal.call(call, *arguments)
