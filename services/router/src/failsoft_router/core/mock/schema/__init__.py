"""Values that fit a JSON Schema: what the mock says where one is asked for."""

from failsoft_router.core.mock.schema.make import Style, value_for

__all__ = ["Style", "value_for"]
