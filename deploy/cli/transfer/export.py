"""Writing an export: batch by batch, so that one that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from deploy.cli.transfer import FORMAT
from deploy.cli.transfer.sections import SECTIONS
from deploy.cli.transfer.source import ExportStopped, Item, Source


class Writing:
    """The files of an export that is not finished: what is written, what comes late, and how far it is.

    Every batch is on the disk before the state says so; whatever came after it is cut off when going on.
    """

    def __init__(self, out: Path, community_id: str) -> None:
        self._out, self._state_file = out, out.with_name(f"{out.name}.part.json")
        self._paths = [out.with_name(f"{out.name}.part"), out.with_name(f"{out.name}.late")]
        self.state: dict[str, Any] = {
            "community_id": community_id,
            "section": 0,
            "cursor": None,
            "sizes": [0, 0],
            "counts": {},
        }
        if self._state_file.is_file():
            self.state = json.loads(self._state_file.read_bytes())
        if self.state["community_id"] != community_id:
            raise ExportStopped(
                f"{self._state_file} is of another community. Name another file, or delete it to begin anew."
            )
        self._files: list[IO[bytes]] = []
        for path, size in zip(self._paths, self.state["sizes"], strict=True):
            path.touch()
            file = path.open("r+b")
            file.truncate(size)
            file.seek(size)
            self._files.append(file)
        if not self.state["sizes"][0]:
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            header = {"kind": "export", "format": FORMAT, "community_id": community_id, "exported_at": now}
            self._files[0].write(_line(header))

    def add(self, records: Iterable[Item], late: Iterable[Item], section: int, cursor: str | None) -> None:
        """Write a batch, and that ``section`` goes on at ``cursor`` after it."""
        counts = Counter(self.state["counts"])
        for file, batch in zip(self._files, (records, late), strict=True):
            for record in batch:
                file.write(_line(record))
                counts[record["kind"]] += 1
            file.flush()
            os.fsync(file.fileno())
        sizes = [file.tell() for file in self._files]
        self.state |= {"section": section, "cursor": cursor, "sizes": sizes, "counts": dict(counts)}
        scratch = self._state_file.with_name(f"{self._state_file.name}~")
        scratch.write_text(json.dumps(self.state))
        scratch.replace(self._state_file)

    def finish(self) -> dict[str, int]:
        """Put the late records and the end behind the others, and give the file its name."""
        main, late = self._files
        late.seek(0)
        shutil.copyfileobj(late, main)
        counts: dict[str, int] = self.state["counts"]
        main.write(_line({"kind": "end", "records": sum(counts.values())}))
        main.flush()
        os.fsync(main.fileno())
        self.close()
        self._paths[0].replace(self._out)
        self._paths[1].unlink()
        self._state_file.unlink()
        return counts

    def close(self) -> None:
        """Close the files; what is in them stays for the next time."""
        for file in self._files:
            file.close()


async def export(
    source: Source,
    community_id: str,
    out: Path,
    progress: Callable[[str, int], None] = lambda _section, _records: None,
) -> dict[str, int]:
    """Write all that ``source`` shows of a community to ``out``; how many records of each kind that is.

    Started again after it was stopped, it goes on after the last batch. Raises ``ExportStopped``.
    """
    writing = Writing(out, community_id)
    try:
        for number, (name, section) in enumerate(SECTIONS.items()):
            if number < writing.state["section"]:
                continue
            async for batch in section(source, community_id, writing.state["cursor"]):
                goes_on = batch.cursor is not None
                writing.add(batch.records, batch.late, number if goes_on else number + 1, batch.cursor)
                progress(name, sum(writing.state["counts"].values()))
            if writing.state["section"] <= number:  # a list with nothing in it, or none for this member
                writing.add((), (), number + 1, None)
        return writing.finish()
    finally:
        writing.close()


def _line(record: Item) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
