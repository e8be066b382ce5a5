"""Authentication: tokens, their permissions, and the refusals of invalid ones."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import attrs

from pixxel_async.sandbox._base.refusal import Refusal


@attrs.frozen
class Access:
    """The permissions of a token."""

    user_id: str
    owner: bool = True
    """Whether it may place orders and export the report; all other calls are allowed anyway."""
    projects: frozenset[str] | None = None
    """Ids of the projects that it may use; None for all."""
    expires_at: datetime | None = None

    def may_use(self, project_id: str) -> bool:
        """Whether it may use the project."""
        return self.projects is None or project_id in self.projects

    def require_owner(self) -> None:
        """Refuse the call unless the token has the owner's role."""
        if not self.owner:
            raise Refusal(403, "forbidden", "the role of the token does not permit this")


class Tokens:
    """The tokens that the sandbox knows.

    Args:
        strict: Accept only `Bearer TOKEN`; otherwise the bare token and `Basic` are accepted too.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._known: dict[str, Access] = {}
        self._revoked: set[str] = set()

    def issue(
        self,
        token: str,
        *,
        user_id: str = "user-42",
        owner: bool = True,
        projects: frozenset[str] | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Register a token; `Access` explains the arguments."""
        self._known[token] = Access(user_id, owner, projects, expires_at)
        self._revoked.discard(token)

    def revoke(self, token: str) -> None:
        """Revoke a token: it gets 403, like an expired one."""
        self._revoked.add(token)

    def admit(self, header: str | None, now: datetime) -> Access:
        """The permissions of an `Authorization` header.

        Raises:
            Refusal: 403 without a header or for an expired or revoked token, 401 for an unknown one.
        """
        if not header:
            raise Refusal(403, "forbidden", "no token was sent")
        token = self._token(header.strip())
        access = self._known.get(token)
        if access is None:
            raise Refusal(401, "unauthorized", "the token is not recognised")
        if token in self._revoked or (access.expires_at is not None and access.expires_at <= now):
            raise token_expired()
        return access

    def _token(self, header: str) -> str:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer":
            return rest.strip()
        if self._strict:
            return ""
        if scheme.lower() == "basic":
            return next((word for word in _basic_words(rest.strip()) if word in self._known), "")
        return header


def token_expired() -> Refusal:
    """403: the token was valid before."""
    return Refusal(403, "forbidden", "the token has expired or was revoked")


def _basic_words(credential: str) -> list[str]:
    """Possible tokens in a `Basic` credential: the credential itself, its user and its password."""
    try:
        decoded = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return [credential]
    return [credential, decoded, *decoded.split(":", 1)]
