"""A call and its response for the handlers, and the table of handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base.auth import Access
from pixxel_async.sandbox._base.refusal import Refusal
from pixxel_async.sandbox._base.spec import SpecOperation


@attrs.frozen
class Call:
    """An authorised request that is valid by the spec."""

    operation: SpecOperation
    access: Access
    path: Mapping[str, str]
    query: Mapping[str, Any]
    """Declared parameters by name, parsed; absent ones are None or the documented default."""
    body: Any
    """Parsed JSON; None without a body."""

    def unknown(self, what: str, id: str) -> Refusal:
        """The resource does not exist: 404 if the vendor documents it for this operation, else 400."""
        documented = self.operation.answers
        status = 400 if 404 not in documented and 400 in documented else 404
        return Refusal(status, "not_found", f"{what} not found", {"id": id})

    def require_project(self, project_id: str) -> None:
        """Refuse the call unless the token may use this project."""
        if not self.access.may_use(project_id):
            raise Refusal(
                403, "forbidden", "the token has no access to this project", {"project_id": project_id}
            )


@attrs.frozen
class Answer:
    """The response."""

    body: Any = None
    """JSON-ready value, text, or None for nothing."""
    status: int = 200
    content_type: str = "application/json"
    build: Callable[[], bytes] | None = None
    """Makes a binary body; runs in a thread, because it is slow."""


Handler = Callable[[State, Call], Answer]


class Handlers(dict[str, Handler]):
    """The handlers of one module by operationId; a decorator registers them."""

    def __call__(self, operation_id: str) -> Callable[[Handler], Handler]:
        """Register the decorated function for an operation."""

        def register(handler: Handler) -> Handler:
            self[operation_id] = handler
            return handler

        return register
