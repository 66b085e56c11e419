"""The declared topics: who owns them, what orders them, how long they keep.

Nothing is created automatically: what is not declared here does not exist. Partitions can be raised later
only by a migration, because a key's partition is what keeps its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. ``key`` is the event field whose value is the record's key."""

    name: str
    owner: str
    key: str
    about: str
    partitions: int = 6
    retention: timedelta = timedelta(days=14)

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings, by Kafka's names.

        A group's own topics take twice Kafka's default of a megabyte: a dead letter is its record and the
        reasons, and one that no topic took would stop its consumer for ever.
        """
        config = {
            "cleanup.policy": "delete",
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
        }
        return config if self.key else {**config, "max.message.bytes": str(2 * 1024 * 1024)}


PEOPLE = Topic("members.people", "members", "member_id", "Members, their profiles and skills.")
COMMUNITIES = Topic(
    "members.communities", "members", "community_id", "Communities and who belongs to them, as what."
)
MENTORSHIPS = Topic(
    "members.mentorships",
    "members",
    "mentor_id",
    "Mentorships, from request to end: one key orders all of a mentor's.",
)
CONNECTIONS = Topic(
    "members.connections", "members", "connection_id", "Connections between two members, and their requests."
)
THREADS = Topic(
    "discussions.threads",
    "discussions",
    "thread_id",
    "Problems and everything that descends from them: one key orders a practice's whole life.",
)
ASKS = Topic("matching.asks", "matching", "thread_id", "Experts asked about a problem, and their answers.")
RECOMMENDATIONS = Topic(
    "matching.recommendations",
    "matching",
    "member_id",
    "Communities, mentors and people recommended to a member, and what came of it.",
)
DELIVERIES = Topic(
    "notifications.deliveries", "notifications", "member_id", "What was delivered to whom, and why."
)

EVENT_TOPICS = (PEOPLE, COMMUNITIES, MENTORSHIPS, CONNECTIONS, THREADS, ASKS, RECOMMENDATIONS, DELIVERIES)
"""The topics that carry events of the published language."""

SERVICES = ("members", "discussions", "matching", "notifications")


def dead_letters(group: str) -> Topic:
    """Where the consumer group ``group`` puts the records that it could not handle."""
    return Topic(
        f"{group}.dead-letters",
        group,
        "",
        f"Records that {group} could not handle: original bytes, key and headers, and why.",
        partitions=1,
        retention=timedelta(days=90),
    )


def replays(group: str) -> Topic:
    """Where operators put dead letters back, for ``group`` alone."""
    return Topic(f"{group}.replays", group, "", f"Dead letters replayed to {group} alone.", partitions=1)


ALL_TOPICS = EVENT_TOPICS + tuple(make(group) for group in SERVICES for make in (dead_letters, replays))
"""Every topic that a deployment has."""
