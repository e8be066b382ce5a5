"""Enumerations that stay open: the vendor's own examples use values that its lists do not have."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """A value from a list that may grow.

    A value outside the list becomes a member-like object that equals and hashes as its string, pickles and
    copies, and does not appear in `list()`. Compare with `==`: two of them are equal, not identical.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = value
        word._value_ = value
        return word

    @property
    def is_known(self) -> bool:
        """Whether the value was in the list when this release was made."""
        return self._value_ in type(self)._value2member_map_

    def __reduce_ex__(self, protocol: object) -> tuple[type[Self], tuple[str]]:
        return type(self), (self._value_,)

    def __repr__(self) -> str:
        return (
            super().__repr__()
            if self.is_known
            else f"<{type(self).__name__} {self._value_!r}, not in the list>"
        )
