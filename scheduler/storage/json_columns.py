"""A column type that stores typed values as JSON."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Dialect
from sqlalchemy.types import JSON, TypeDecorator


class JsonOf(TypeDecorator[Any]):
    """Stores values of one type, such as `list[PaceException]`, as JSON and reads them back.

    Pydantic writes and validates them, so no other code knows their keys.
    """

    impl = JSON
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - the base class names it
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - the base class names it
        return None if value is None else self._adapter.validate_python(value)
