"""TABLE.md, read: who may do what, by endpoint, caller and kind of community."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("TABLE.md")
CALLERS = (
    "nobody", "stranger", "other org", "requested", "trial", "member", "author", "facilitator", "steward",
    "org admin", "removed", "erased", "operator",
)  # fmt: skip
"""The columns of the table, in order; it says who they are."""
KINDS = ("internal", "external")
"""Where the two kinds of community differ, a cell says both, in this order."""

_ENDPOINT = re.compile(r"`(GET|POST|PUT|DELETE) (/\S+)`(?: (.+))?")
_CELL = re.compile(r"(ok|none|40[134])([¹²³]?)")
_NOTE = re.compile(r"([¹²³]) (4\d\d) ([a-z-]+)")


@dataclass(frozen=True)
class Expected:
    """What a caller gets: ``status`` where they are refused, with ``code`` where one has to be let in to be
    refused so; otherwise success, with ``none`` of the community in the answer."""

    status: int | None = None
    code: str | None = None
    none: bool = False

    def __str__(self) -> str:
        return "none" if self.none else f"{self.status or 'ok'} {self.code or ''}".strip()

    def fits(self, status: int, code: str | None) -> bool:
        """Whether that is it."""
        if self.status is None:
            return 200 <= status < 300
        return status == self.status and self.code in (None, code)


@dataclass(frozen=True)
class Row:
    """An endpoint, or one case of it, and what each caller gets in each kind of community."""

    method: str
    path: str
    case: str
    cells: Mapping[tuple[str, str], Expected]

    @property
    def tells_apart(self) -> bool:
        """Whether some find none of the community in the answer: then the others have to find it there."""
        return any(cell.none for cell in self.cells.values())

    @property
    def endpoint(self) -> str:
        """Its method and path."""
        return f"{self.method} {self.path}"

    @property
    def name(self) -> str:
        """What it is called in the table and among the recipes."""
        return f"{self.endpoint} {self.case}".strip()


def read(service: str) -> list[Row]:
    """The rows of ``service``. Raises ``ValueError`` for one that cannot be read."""
    rows: list[Row] = []
    for line in _section(service).splitlines():
        if line.startswith("| `"):
            endpoint, *cells, notes = (part.strip() for part in line.strip().strip("|").split("|"))
            rows.append(_row(endpoint, cells, notes))
    return rows


def _section(service: str) -> str:
    sections = re.split(r"^# (.+)$", TABLE.read_text(), flags=re.MULTILINE)
    return dict(zip(sections[1::2], sections[2::2], strict=True))[service]


def _row(endpoint: str, cells: list[str], notes: str) -> Row:
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None or len(cells) != len(CALLERS):
        raise ValueError(f"{endpoint} needs a method, a path and {len(CALLERS)} cells; it has {len(cells)}")
    refusals = {mark: Expected(int(status), code) for mark, status, code in _NOTE.findall(notes)}
    wanted: dict[tuple[str, str], Expected] = {}
    for caller, cell in zip(CALLERS, cells, strict=True):
        internal, _, external = cell.partition("/")
        for kind, text in zip(KINDS, (internal, external or internal), strict=True):
            wanted[caller, kind] = _expected(text, refusals)
    return Row(found[1], found[2], found[3] or "", wanted)


def _expected(text: str, refusals: Mapping[str, Expected]) -> Expected:
    found = _CELL.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no cell: ok, none, 401, 403 or 404, with a note's number where it has one"
        )
    if found[2]:
        return refusals[found[2]]
    return Expected(int(found[1])) if found[1].isdigit() else Expected(none=found[1] == "none")
