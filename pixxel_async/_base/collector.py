"""Holds back the long passes of the garbage collector while much is read that is kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENT = 300
"""Passes over the youngest objects for one over those that survived some; 10 is Python's own number. More gain little, and
objects that were dropped in a cycle stay that much longer."""


@contextmanager
def young_passes_only() -> Iterator[None]:
    """While this lasts, the garbage collector does not pass over objects that are not new.

    What is read is kept, so such a pass would find nothing. It stops all threads, also the event loop while another thread reads:
    over what the imports alone have made it takes 50 ms. Passes over the youngest objects stay: these are still in the
    processor's cache, so that one late pass over all of them would take longer.
    """
    young, middle, old = gc.get_threshold()
    if middle >= _PATIENT:
        yield
        return
    gc.set_threshold(young, _PATIENT, old)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
