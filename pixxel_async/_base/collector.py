"""Delays the long passes of the garbage collector while many objects are read and kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENT = 300
"""Passes over the youngest objects for one over older ones; 10 is Python's own number. A higher one gains little, and
objects dropped in a cycle stay longer."""


@contextmanager
def young_passes_only() -> Iterator[None]:
    """While active, the garbage collector does not pass over objects that are not new.

    The objects read are kept, so such a pass would find nothing. It stops all threads, also the event loop while another
    thread reads: 50 ms for the objects of the imports alone. Passes over the youngest objects stay. Those are still in
    the processor's cache, so one late pass over all of them would take longer.
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
