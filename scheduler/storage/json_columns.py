"""Typed values that rows hold as JSON: their base class, and the type of their columns."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import Dialect
from sqlalchemy.types import JSON, TypeDecorator


class StoredValue(BaseModel):
    """A value that is replaced, never changed: SQLAlchemy notices no change inside it."""

    model_config = ConfigDict(frozen=True)


class JsonOf(TypeDecorator[Any]):
    """Stores values of one type, such as `list[PaceException]`, as JSON and reads them back.

    Pydantic writes and validates them, so no other code knows their keys. `empty`: what a column
    that is never NULL holds for None.
    """

    impl = JSON
    cache_ok = True

    def __init__(self, kind: Any, *, empty: Any = None) -> None:
        super().__init__(none_as_null=True)
        self.kind, self.empty = kind, empty
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - the base class names it
        if value is None:
            return self.empty
        return self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - the base class names it
        if value is None or value == self.empty:
            return None
        return self._adapter.validate_python(value)
