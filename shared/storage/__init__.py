"""The one place that imports motor: client, unit of work, indexes, projections.

Motor's authors steer new work to PyMongo's asynchronous API: exchanging it must stay a change of this
folder alone.
"""

from shared.storage.database import Database, Index
from shared.storage.projections import apply_version
from shared.storage.unit_of_work import Cause, OutboxRow, Recorded, UnitOfWork

__all__ = ["Cause", "Database", "Index", "OutboxRow", "Recorded", "UnitOfWork", "apply_version"]
