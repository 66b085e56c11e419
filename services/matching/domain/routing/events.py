"""What the index is fed with: problems and solutions as they are now, one by one or many by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.routing.arrays import F64, I64
from services.matching.domain.routing.text import Digest, digest, label, labels


class Digests(NamedTuple):
    """Many digests, end to end."""

    terms: Digest
    ends: I64

    @classmethod
    def of(cls, digests: Sequence[Digest]) -> Self:
        """The same, one by one."""
        sizes = np.fromiter(map(len, digests), np.int64, len(digests))
        return cls(np.concatenate(digests) if digests else np.zeros(0, np.uint64), np.cumsum(sizes))

    @classmethod
    def stored(cls, digests: Sequence[bytes]) -> Self:
        """The same from their bytes."""
        sizes = np.fromiter(map(len, digests), np.int64, len(digests))
        return cls(np.frombuffer(b"".join(digests), np.uint64), np.cumsum(sizes) // 8)

    @classmethod
    def of_labels(cls, kind: str, names: Iterable[Iterable[str]]) -> Self:
        """Of whole names of one kind, as ``text.labels``."""
        rows = [dict.fromkeys([label(kind, name) for name in each]) for each in names]
        ends = np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))
        return cls(np.fromiter(chain.from_iterable(rows), np.uint64), ends)

    def __iter__(self) -> Iterator[Any]:
        return iter(np.split(self.terms, self.ends[:-1]))


class Problem(NamedTuple):
    """A problem as it is now. ``words`` and ``tags`` are digests (``text.digest``, ``text.labels``)."""

    community_id: str
    problem_id: str
    asker_id: str
    at: float
    words: Digest
    tags: Digest

    @classmethod
    def of(
        cls,
        community_id: str,
        problem_id: str,
        asker_id: str,
        at: float,
        *,
        title: str,
        body: str,
        tags: Sequence[str],
    ) -> Problem:
        """The same from its texts."""
        return cls(community_id, problem_id, asker_id, at, digest((title, body)), labels("tag", tags))


class Solution(NamedTuple):
    """A solution as it is now."""

    community_id: str
    problem_id: str
    solution_id: str
    author_id: str
    at: float
    """When it was proposed."""
    votes: int = 0
    """An imported score."""
    accepted: bool = False
    endorsed: float = 0.0
    """The weights of its active endorsements together."""
    adapted: int = 0
    """Teams for which an adaptation of it worked."""
    counts: bool = True
    """False once it is withdrawn or taken down."""

    @property
    def worth(self) -> float:
        """What it says of its author. Votes hardly matter for who answers next, and so they count little."""
        return float(Solutions.of([self]).worth[0])


class Problems(NamedTuple):
    """Many problems: the columns of ``Problem``."""

    community_id: Sequence[str]
    problem_id: Sequence[str]
    asker_id: Sequence[str]
    at: F64
    words: Digests
    tags: Digests

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """The same, one by one. At least one."""
        communities, names, askers, at, words, tags = zip(*problems, strict=True)
        return cls(communities, names, askers, np.array(at), Digests.of(words), Digests.of(tags))

    def rows(self) -> list[Problem]:
        """One by one again."""
        return list(map(Problem, *self[:3], self.at.tolist(), self.words, self.tags))


class Solutions(NamedTuple):
    """Many solutions: the columns of ``Solution``."""

    community_id: Sequence[str]
    problem_id: Sequence[str]
    solution_id: Sequence[str]
    author_id: Sequence[str]
    at: F64
    votes: I64
    accepted: NDArray[np.bool_]
    endorsed: F64
    adapted: I64
    counts: NDArray[np.bool_]

    @classmethod
    def of(cls, solutions: Sequence[Solution]) -> Self:
        """The same, one by one. At least one."""
        columns: list[Any] = list(zip(*solutions, strict=True))
        return cls(*columns[:4], *map(np.array, columns[4:]))

    def rows(self) -> list[Solution]:
        """One by one again."""
        return list(map(Solution, *self[:4], *(column.tolist() for column in self[4:])))

    @property
    def worth(self) -> F64:
        """See ``Solution``; 0 for what does not count."""
        praise = (
            np.log1p(np.maximum(0, self.votes))
            + self.accepted
            + np.log1p(self.endorsed)
            + np.log1p(self.adapted)
        )
        return np.where(self.counts, 1.0 + 0.15 * praise, 0.0)


class Skills(NamedTuple):
    """What many members state that they can do, the whole of it for each."""

    community_id: Sequence[str]
    member_id: Sequence[str]
    names: Digests
    worth: F64
    """Of each name."""

    @classmethod
    def of(cls, stated: Iterable[tuple[str, str, Mapping[str, float]]]) -> Self:
        """The same, one by one: (community, member, what each skill is worth)."""
        communities, members, skills = [], [], []
        for community_id, member_id, named in stated:
            communities.append(community_id)
            members.append(member_id)
            skills.append({label("skill", name): worth for name, worth in named.items() if worth > 0})
        ends = np.cumsum(np.fromiter(map(len, skills), np.int64, len(skills)))
        return cls(
            communities,
            members,
            Digests(np.fromiter(chain.from_iterable(skills), np.uint64), ends),
            np.fromiter(chain.from_iterable(each.values() for each in skills), np.float64),
        )
