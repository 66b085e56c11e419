"""The garbage collector of a process that makes thousands of short-lived documents a second."""

from __future__ import annotations

import gc


def settle() -> None:
    """Leave what start-up made out of every later collection, and collect less often.

    Batches allocate some ten objects a record and let go of nearly all of them at once: with Python's
    defaults (a look at 700 new objects) a third of the consumer's time went into looking for cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
