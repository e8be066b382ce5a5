"""Prices in tokens. The prices are ours, because the vendor publishes none; their rules are the vendor's.

The vendor's rules: an area below 100 km² is billed as 100 km². The captures of a bandset multiply the price. A short or
fixed capture window costs an uplift.
"""

from __future__ import annotations

import math

import attrs

LEAST_KM2 = 100
TASKING_PER_KM2 = 8
ARCHIVE_PER_KM2 = 3
INSIGHT_BASE = 20
INSIGHT_PER_KM2 = 1


@attrs.frozen
class Uplift:
    """An addition to a price."""

    title: str
    percentage: int


@attrs.frozen
class Price:
    """The price of an order item."""

    base: int
    uplift: Uplift | None = None

    @property
    def extra(self) -> int:
        """Tokens that the uplift adds."""
        return math.ceil(self.base * self.uplift.percentage / 100) if self.uplift else 0

    @property
    def final(self) -> int:
        """The charge, in tokens."""
        return self.base + self.extra


def archive_price(area_km2: float, images: int, factor: float = 1.0) -> Price:
    """Price of `images` archive images over an area, multiplied by the price factor."""
    return Price(math.ceil(_billed_km2(area_km2) * ARCHIVE_PER_KM2 * images * factor))


def tasking_price(area_km2: float, captures: int, window_days: float, notice_days: float) -> Price:
    """Price of one capture of an area.

    Args:
        area_km2: The area.
        captures: Number of passes that the satellite needs to capture all bands of the bandset.
        window_days: Length of the capture window.
        notice_days: Days between the order and the start of the window.
    """
    base = _billed_km2(area_km2) * TASKING_PER_KM2 * captures
    return Price(base, _timeline_uplift(window_days, notice_days))


def insight_price(area_m2: float, factor: float = 1.0) -> int:
    """Price of running a block over an AOI, multiplied by the price factor."""
    return math.ceil((INSIGHT_BASE + math.ceil(area_m2 / 1e6) * INSIGHT_PER_KM2) * factor)


def _billed_km2(area_km2: float) -> int:
    return max(LEAST_KM2, math.ceil(area_km2))


def _timeline_uplift(window_days: float, notice_days: float) -> Uplift | None:
    if window_days <= 1 and notice_days >= 7:
        return Uplift("Capture timeline: Assured", 50)
    if window_days <= 2:
        return Uplift("Capture timeline: Critical", 40)
    if window_days <= 6:
        return Uplift("Capture timeline: Expedited", 25)
    return None
