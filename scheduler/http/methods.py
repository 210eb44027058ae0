"""Which methods an address supports, over all routes of the application.

Starlette answers 405 from the first route whose path matches, so the Allow header would name the
methods of that route only. And it passes `DELETE /rules/preview` on to `DELETE /rules/{rule_id}`
where only `POST /rules/preview` exists.
"""

from collections.abc import Collection, Iterable
from typing import NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route, compile_path


class Methods:
    """The methods of each path. `routes`: pairs of a path, such as `/rooms/{id}`, and methods."""

    def __init__(self, routes: Iterable[tuple[str, Collection[str]]]) -> None:
        methods: dict[str, set[str]] = {}
        for path, supported in routes:
            methods.setdefault(path, set()).update(supported)
        # At the first difference, a fixed part takes precedence over a parameter.
        self._paths = [
            (path, compile_path(path)[0], frozenset(methods[path]))
            for path in sorted(methods, key=_parameters_last)
        ]

    def of(self, path: str) -> frozenset[str]:
        """The methods that the address supports; empty if there is no such address."""
        return next(
            (methods for _, regex, methods in self._paths if regex.match(path)), frozenset()
        )

    def refusals(self) -> list[Route]:
        """Routes that answer 405 where a request would reach a less specific path instead.

        They must stand before the other routes.
        """
        return [
            Route(path, _refuse, methods=missing, include_in_schema=False)
            for path, _, methods in self._paths
            if (missing := self._methods_of_others(path) - methods)
        ]

    def _methods_of_others(self, path: str) -> set[str]:
        overlapping = [
            methods for other, regex, methods in self._paths if other != path and regex.match(path)
        ]
        return set().union(*overlapping)


def _parameters_last(path: str) -> list[tuple[bool, str]]:
    return [("{" in part, part) for part in path.split("/")]


async def _refuse(_: Request) -> NoReturn:
    raise HTTPException(405)
