"""The work file of an import: what a dump says, as items to be imported, ordered, and how far they are.

Everything is in one SQLite file, so that a dump of any size needs little memory and an import that was
killed goes on where it was. Each file of the dump is read in one transaction: it was read, or it was not.
Items have ids made from the site and the numbers in the dump: importing them again finds them existing.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from markdownify import ATX, markdownify

from deploy.cli.stackexchange.dump import Row, rows
from shared.ids import stable_id
from shared.settings import LIMITS

FORMAT = "1"
"""Of the work file; another one is begun anew."""

FILES = ("Users", "Posts", "PostHistory", "Votes", "Comments", "PostLinks", "Tags")
"""In the order in which they build on each other."""

PHASES = ("members", "the community", "memberships", "threads", "what refers to threads")
"""What is imported before what; a dump has nothing of the last."""
EXAMPLES = 3

_SCHEMA = """
create table if not exists meta (key text primary key, value text);
create table if not exists skipped (source text, reason text, count int, examples text,
  primary key (source, reason));
create table if not exists outcome (kind text, outcome text, count int, primary key (kind, outcome));
create table if not exists person (ref text primary key, name text, at text, stub int);
create table if not exists tag (name text primary key, count int);
create table if not exists item (key text primary key, kind text, phase int, ord text, rank int, number int,
  parent text, target text, thread text, author text, payload text);
create index if not exists item_parent on item (parent);
create table if not exists queue (seq integer primary key, key text);
create table if not exists refused (key text primary key);
"""

_POST_TYPES = {
    "3": "an orphaned tag wiki",
    "4": "a tag wiki's excerpt",
    "5": "a tag wiki",
    "6": "a moderator's nomination",
    "7": "a wiki placeholder",
    "8": "a privilege wiki",
}
_VOTE_TYPES = {
    "2": "up-votes: anonymous, in the imported score",
    "3": "down-votes: anonymous, in the imported score",
}
_INITIAL, _EDITS = {"1", "2", "3"}, {"4", "5", "6", "7", "8", "9"}
_HISTORY_FIELD = dict(zip("123456789", ["title", "body", "tags"] * 3, strict=True))
_LINK_TYPES = {"1": "related", "3": "duplicate"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Unusable(Exception):
    """A row cannot be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class Queued:
    """An item in its turn."""

    seq: int
    key: str
    kind: str
    phase: int
    parent: str | None
    target: str | None
    thread: str
    payload: dict[str, Any]
    lost: bool
    """What it belongs to was refused."""
    line: int = 0
    """Where it stands in the file, of a file that has it in one line."""


class Spool:
    """The work file of the import of ``site``; ``fingerprint`` tells whether the dump is still the same."""

    def __init__(self, path: Path, site: str, fingerprint: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._site = site
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Held for as long as we run: a second import of the same dump must not run beside this one.
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma synchronous = normal")
        known = f"{FORMAT} {site} {fingerprint}"
        self._db.executescript(_SCHEMA)
        if self._meta("dump") != known:
            for (table,) in self._db.execute(
                "select name from sqlite_master where type = 'table'"
            ).fetchall():
                self._db.execute(f"delete from {table}")  # noqa: S608 - our own names
            self._db.execute("insert into meta values ('dump', ?)", [known])
        self._notes: dict[tuple[str, str], tuple[int, list[str]]] = {}

    def close(self) -> None:
        """Close the work file."""
        self._db.close()

    def id(self, kind: str, number: str) -> str:
        """The id of what the dump calls ``number``."""
        return stable_id("stackexchange", self._site, kind, number)

    @property
    def community_id(self) -> str:
        """The id of the community that the dump becomes."""
        return self.id("community", "1")

    # -- reading the dump --------------------------------------------------------------------------------

    def fill(
        self,
        directory: Path,
        *,
        limit: int | None = None,
        until: datetime | None = None,
        progress: Callable[[str, int], None] = lambda _file, _bytes: None,
    ) -> None:
        """Read the files of ``directory`` that were not read yet, then put what they say in order.

        ``limit`` takes only the first so many questions. ``until`` moves all times by the same so that the
        last one is then: for playing in an old dump as if it were of today.
        """
        for name in FILES:
            path = directory / f"{name}.xml"
            if path.is_file() and self._meta(f"read {name}") is None:
                with self._db:
                    self._db.execute("begin")
                    self._read(name, path, partial(progress, name))
        if self._meta("ready") is None:
            with self._db:
                self._db.execute("begin")
                self._put_in_order(limit, until)
                self._save_notes()
                self._set("ready", "yes")

    def _read(self, name: str, path: Path, progress: Callable[[int], None]) -> None:
        take = {
            "Users": self._user,
            "Posts": self._post,
            "PostHistory": self._history,
            "Votes": self._vote,
            "Comments": self._comment,
            "PostLinks": self._link,
            "Tags": self._tag,
        }[name]
        count = 0
        self._notes.clear()
        for row in rows(
            path, broken=lambda what: self._note(name, "XML that cannot be read", what), read=progress
        ):
            count += 1
            try:
                take(row)
            except Unusable as reason:
                self._note(name, str(reason), f"row {row.get('Id', '?')[:40]}")
        self._save_notes()
        self._set(f"read {name}", str(count))

    def _user(self, row: Row) -> None:
        number, at = _number(row, "Id"), _moment(row)
        self._db.execute(
            "insert or replace into person values (?, ?, ?, 0)",
            [f"u:{number}", _line(row.get("DisplayName", ""), LIMITS.name), at],
        )

    def _post(self, row: Row) -> None:
        number, at, kind = _number(row, "Id"), _moment(row), row.get("PostTypeId", "")
        if kind not in ("1", "2"):
            raise Unusable(_POST_TYPES.get(kind, f"a post of an unknown type ({kind[:20] or 'none'})"))
        text = {"body": _body(_markdown(row.get("Body", "")), LIMITS.body)}
        if kind == "1":
            title = _line(row.get("Title", ""))
            if not title:
                raise Unusable("a question without a title")
            if len(title) > LIMITS.title:
                raise Unusable(f"a title of more than {LIMITS.title:,} characters")
            text |= {"title": title, "tags": _tags(row.get("Tags", ""))}  # type: ignore[dict-item]
        else:
            parent = _number(row, "ParentId")
        author = self._person(row, "OwnerUserId", "OwnerDisplayName", at, "Posts")
        payload = {"author_id": self._member(author), "at": at, **text, "score": _score(row)}
        if kind == "1":
            payload |= {"id": self.id("problem", number), "community_id": self.community_id}
            self._item(f"p:{number}", "problem", at, 0, number, None, author, payload)
            if accepted := row.get("AcceptedAnswerId"):
                payload = {"solution_id": self.id("solution", accepted), "at": None}
                self._item(
                    f"x:{accepted}", "accept", at, 4, number, f"p:{accepted}", None, payload, f"p:{number}"
                )
        else:
            payload |= {"id": self.id("solution", number), "problem_id": self.id("problem", parent)}
            self._item(f"p:{number}", "solution", at, 1, number, f"p:{parent}", author, payload)

    def _history(self, row: Row) -> None:
        number, post, at = _number(row, "Id"), _number(row, "PostId"), _moment(row)
        kind, text = row.get("PostHistoryTypeId", ""), row.get("Text", "")
        if kind not in _HISTORY_FIELD:
            raise Unusable("history that changes no text (closing, protecting, …)")
        found = self._load(f"p:{post}")
        if found is None:
            raise Unusable("history of a post that is not imported")
        of, payload = found
        field = _HISTORY_FIELD[kind]
        if of == "solution" and field != "body":
            raise Unusable("a title or tags in the history of an answer")
        value: Any = {"title": _title, "body": lambda t: _body(t, LIMITS.body), "tags": _tags}[field](text)
        if kind in _INITIAL:
            self._change(f"p:{post}", payload | {field: value})
            return
        editor = self._person(row, "UserId", "UserDisplayName", at, "PostHistory")
        edited = {"editor_id": self._member(editor), "at": at}
        if of == "solution":
            note = _line(row.get("Comment", ""), LIMITS.note)
            revision = {
                "id": self.id("revision", number),
                "solution_id": payload["id"],
                "body": value,
                "note": note,
            }
            self._item(f"h:{number}", "revision", at, 2, number, f"p:{post}", editor, edited | revision)
            return
        # A title, a body and tags edited at once are three rows with one GUID: one edit.
        key = f"e:{post}:{row.get('RevisionGUID', number)}"
        if earlier := self._load(key):
            self._change(key, earlier[1] | {field: value})
        else:
            edit = {"id": self.id("problem-edit", number), "problem_id": payload["id"], field: value}
            self._item(key, "problem-edit", at, 2, number, f"p:{post}", editor, edited | edit)

    def _vote(self, row: Row) -> None:
        kind = row.get("VoteTypeId", "")
        if kind != "1":
            raise Unusable(_VOTE_TYPES.get(kind, "votes on other matters (closing, flags, bounties, …)"))
        accepted = self._load(f"x:{_number(row, 'PostId')}")
        if accepted is None:
            raise Unusable("an acceptance that was withdrawn, or of a post that is not imported")
        self._change(f"x:{row['PostId']}", accepted[1] | {"at": _moment(row)})

    def _comment(self, row: Row) -> None:
        number, post, at = _number(row, "Id"), _number(row, "PostId"), _moment(row)
        found = self._load(f"p:{post}")
        if found is None:
            raise Unusable("a comment on a post that is not imported")
        body = _body(row.get("Text", ""), LIMITS.body)
        author = self._person(row, "UserId", "UserDisplayName", at, "Comments")
        payload = {
            "id": self.id("comment", number),
            "item_id": found[1]["id"],
            "author_id": self._member(author),
            "at": at,
            "body": body,
        }
        self._item(f"c:{number}", "comment", at, 3, number, f"p:{post}", author, payload)

    def _link(self, row: Row) -> None:
        number, at = _number(row, "Id"), _moment(row)
        kind = _LINK_TYPES.get(row.get("LinkTypeId", ""))
        if kind is None:
            raise Unusable("a link of an unknown type")
        ends = [self._load(f"p:{_number(row, name)}") for name in ("PostId", "RelatedPostId")]
        if None in ends:
            raise Unusable("a link with a post that is not imported")
        (one, problem), (other, target) = (end for end in ends if end)
        if "solution" in (one, other):
            raise Unusable("a link from or to an answer")
        if problem["id"] == target["id"]:
            raise Unusable("a link to itself")
        payload = {"problem_id": problem["id"], "target_problem_id": target["id"], "type": kind, "at": at}
        keys = f"p:{row['PostId']}", f"p:{row['RelatedPostId']}"
        self._item(f"l:{number}", "link", at, 5, number, keys[0], None, payload, keys[1])

    def _tag(self, row: Row) -> None:
        count = row.get("Count", "0")
        if row.get("TagName") and count.isdigit():
            self._db.execute(
                "insert or replace into tag values (?, ?)", [row["TagName"][: LIMITS.tag], int(count)]
            )

    def _person(self, row: Row, id_field: str, name_field: str, at: str, source: str) -> str:
        """Whoever a row names; somebody whom Users.xml does not have is noted down from here."""
        number, name = row.get(id_field, ""), _line(row.get(name_field, ""), LIMITS.name)
        if number.lstrip("-").isdigit():
            ref = f"u:{number}"
        else:
            ref = f"n:{name}"
            if not name:
                self._note(source, "no author is named: attributed to “Former member”, not skipped",
                           f"row {row['Id']}")  # fmt: skip
        self._db.execute(
            "insert into person values (?, ?, ?, 1) on conflict (ref) do update set"
            " at = min(at, excluded.at), name = iif(name = '', excluded.name, name) where stub",
            [ref, name, at],
        )
        return ref

    def _member(self, ref: str) -> str:
        return self.id("member" if ref.startswith("u:") else "member-name", ref[2:])

    def _item(
        self,
        key: str,
        kind: str,
        at: str,
        rank: int,
        number: str,
        parent: str | None,
        author: str | None,
        payload: Mapping[str, Any],
        target: str | None = None,
        phase: int = 3,
    ) -> None:
        inserted = self._db.execute(
            "insert or ignore into item values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [key, kind, phase, at, rank, int(number), parent, target, key, author, _json(payload)],
        )
        if not inserted.rowcount:
            raise Unusable("a number that occurred before")

    def _load(self, key: str) -> tuple[str, dict[str, Any]] | None:
        row = self._db.execute("select kind, payload from item where key = ?", [key]).fetchone()
        return (row[0], json.loads(row[1])) if row else None

    def _change(self, key: str, payload: Mapping[str, Any]) -> None:
        self._db.execute("update item set payload = ? where key = ?", [_json(payload), key])

    # -- putting in order --------------------------------------------------------------------------------

    def _put_in_order(self, limit: int | None, until: datetime | None = None) -> None:
        db = self._db
        if limit is not None:
            gone = db.execute(
                "delete from item where kind = 'problem' and key not in"
                " (select key from item where kind = 'problem' order by ord, number limit ?)",
                [limit],
            ).rowcount
            self._note("Posts", "questions beyond --limit, and what belongs to them", "", gone)
        orphan = "parent not in (select key from item where kind = 'problem')"
        self._drop("solution", orphan, "an answer whose question is not imported", quiet=limit is not None)
        for kind, what in {
            "revision": "a revision of",
            "problem-edit": "an edit of",
            "comment": "a comment on",
        }.items():
            orphan = "parent not in (select key from item)"
            self._drop(kind, orphan, f"{what} a post that is not imported", quiet=limit is not None)
        orphan = "parent not in (select key from item) or target not in (select key from item)"
        self._drop("link", orphan, "a link with a post that is not imported", quiet=limit is not None)
        orphan = (
            "target is not (select s.parent from item s where s.key = item.parent and s.kind = 'solution')"
        )
        self._drop(
            "accept", orphan, "an accepted answer that is none of the question's", quiet=limit is not None
        )
        # A merged or migrated answer may be older than its question: it keeps its time, but comes after it.
        db.execute(
            "update item set payload = json_set(payload, '$.at',"
            " max(coalesce(json_extract(payload, '$.at'), ''),"
            " (select json_extract(p.payload, '$.at') from item p where p.key = item.parent)))"
            " where kind = 'accept'"
        )
        db.execute("update item set ord = json_extract(payload, '$.at') where kind = 'accept'")
        for kinds in ("'solution', 'problem-edit'", "'revision', 'accept', 'comment'", "'link'"):
            db.execute(
                "update item set ord = max(ord, (select p.ord from item p where p.key = item.parent),"  # noqa: S608
                " coalesce((select t.ord from item t where t.key = item.target), '')),"
                " thread = (select p.thread from item p where p.key = item.parent)"
                f" where kind in ({kinds})"
            )
        self._people(only_authors=limit is not None)
        if until is not None:
            self._move(until)
        db.execute("insert into queue (key) select key from item order by phase, ord, rank, number, key")

    def _move(self, until: datetime) -> None:
        last = self._db.execute("select max(ord) from item where phase = 3").fetchone()[0]
        if last is None:
            return
        by = until - datetime.fromisoformat(last)
        # The sites' own processes and people may be younger than the last post: nothing is later than then.
        self._db.create_function(
            "moved", 1, lambda at: _text(min(datetime.fromisoformat(at) + by, until)), deterministic=True
        )
        self._db.execute(
            "update item set ord = moved(ord),"
            " payload = json_set(payload, '$.at', moved(json_extract(payload, '$.at')))"
        )

    def _drop(self, kind: str, orphaned: str, reason: str, *, quiet: bool) -> None:
        """Take out what hangs on nothing; ``quiet`` where ``--limit`` took away what it hung on."""
        where = f"kind = '{kind}' and ({orphaned})"
        source = {"solution": "Posts", "accept": "Posts", "comment": "Comments", "link": "PostLinks"}
        for key, number in [] if quiet else self._db.execute(f"select key, number from item where {where}"):  # noqa: S608
            self._note(source.get(kind, "PostHistory"), reason, f"row {number}" if key else "")
        self._db.execute(f"delete from item where {where}")  # noqa: S608

    def _people(self, *, only_authors: bool) -> None:
        where = "where ref in (select author from item)" if only_authors else ""
        everybody = self._db.execute(f"select ref, name, at from person {where} order by at, ref")  # noqa: S608
        founder = None
        for number, (ref, name, at) in enumerate(everybody, 1):
            member = self._member(ref)
            shown = name or (f"user {ref[2:]}" if ref.startswith("u:") else "Former member")
            payload = {"id": member, "at": at, "name": shown}
            self._item(f"m:{ref}", "member", at, 0, str(number), None, ref, payload, phase=0)
            joining = {"community_id": self.community_id, "member_id": member, "at": at}
            self._item(f"j:{ref}", "membership", at, 0, str(number), "community", ref, joining, phase=2)
            # The site's own background process ("Community", -1) hosts nobody.
            if founder is None and not ref.startswith("u:-"):
                founder = (member, at)
        if founder is None:
            return
        payload = {
            "id": self.community_id,
            "at": founder[1],
            "name": self._site[: LIMITS.name],
            "type": "external",
            "about": f"Imported from the Stack Exchange data dump of {self._site}.",
            "tags": self._popular_tags(),
            "founder_id": founder[0],
        }
        self._item("community", "community", founder[1], 0, "0", None, None, payload, phase=1)

    def _popular_tags(self) -> list[str]:
        found = self._db.execute("select name from tag where count > 0 order by count desc, name limit ?",
                                 [LIMITS.tags]).fetchall()  # fmt: skip
        return [name for (name,) in found or self._db.execute(
            "select value from item, json_each(item.payload, '$.tags') where kind = 'problem'"
            " group by value order by count(*) desc, value limit ?", [LIMITS.tags])]  # fmt: skip

    # -- replaying ---------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many items there are."""
        return int(self._db.execute("select count(*) from queue").fetchone()[0])

    @property
    def position(self) -> int:
        """Up to which item all are acknowledged."""
        return int(self._meta("position") or 0)

    def window(self, size: int) -> list[Queued]:
        """The next items in their order, all of one phase."""
        found = self._db.execute(
            "select q.seq, i.key, i.kind, i.phase, i.parent, i.target, i.thread, i.payload,"
            " exists (select 1 from refused r where r.key in (i.parent, i.target))"
            " from queue q join item i using (key) where q.seq > ? order by q.seq limit ?",
            [self.position, size],
        ).fetchall()
        items = [Queued(*(*row[:7], json.loads(row[7]), bool(row[8]))) for row in found]
        return [item for item in items if item.phase == items[0].phase]

    def acknowledge(self, outcomes: Iterable[tuple[Queued, str, str]]) -> None:
        """Save what became of the items of a window (item, outcome, why) and that the next one follows."""
        with self._db:
            self._db.execute("begin")
            counts: Counter[tuple[str, str]] = Counter()
            last = 0
            for item, outcome, why in outcomes:
                counts[item.kind, outcome] += 1
                last = max(last, item.seq)
                if outcome == "refused":
                    self._note(f"{item.kind} (by the service)", why, item.key)
                    self._db.execute("insert or ignore into refused values (?)", [item.key])
            for (kind, outcome), count in counts.items():
                self._db.execute(
                    "insert into outcome values (?, ?, ?) on conflict (kind, outcome)"
                    " do update set count = count + excluded.count",
                    [kind, outcome, count],
                )
            self._save_notes()
            self._set("position", str(last))

    # -- reporting ---------------------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """What was read, what became of it, and what was skipped and why."""
        outcomes: dict[str, dict[str, int]] = defaultdict(dict)
        for kind, outcome, count in self._db.execute("select * from outcome order by kind, outcome"):
            outcomes[kind][outcome] = count
        read = {name: self._meta(f"read {name}") for name in FILES}
        return {
            "site": self._site,
            "community_id": self.community_id,
            "finished": self.total > 0 and self.position >= self.total,
            "rows_read": {name: int(count) for name, count in read.items() if count is not None},
            "items": dict(outcomes),
            "skipped": [
                {"where": where, "reason": reason, "count": count, "examples": json.loads(examples)}
                for where, reason, count, examples in self._db.execute(
                    "select * from skipped order by source, count desc, reason"
                )
            ],
        }

    def people(self) -> Iterator[tuple[str, str]]:
        """Everybody's member id and name."""
        for (payload,) in self._db.execute("select payload from item where phase = 0 order by ord, number"):
            member = json.loads(payload)
            yield member["id"], member["name"]

    def popular_tags(self) -> list[str]:
        """The tags that problems have most often."""
        return self._popular_tags()

    def latest_authors(self, kind: str, among: int) -> list[str]:
        """Who wrote the latest ``among`` problems or solutions, by their member ids, most of them first."""
        found = self._db.execute(
            "select author from (select author from item where kind = ? and author like 'u:%'"
            " and author not like 'u:-%' order by ord desc limit ?)"
            " group by author order by count(*) desc, author",
            [kind, among],
        )
        return [self._member(author) for (author,) in found]

    def _note(self, source: str, reason: str, example: str, count: int = 1) -> None:
        if count:
            before, examples = self._notes.get((source, reason), (0, []))
            more = [example] if example and len(examples) < EXAMPLES else []
            self._notes[source, reason] = (before + count, examples + more)

    def _save_notes(self) -> None:
        for (source, reason), (count, examples) in self._notes.items():
            found = self._db.execute(
                "select count, examples from skipped where source = ? and reason = ?", [source, reason]
            ).fetchone() or (0, "[]")
            kept = (json.loads(found[1]) + examples)[:EXAMPLES]
            self._db.execute("insert or replace into skipped values (?, ?, ?, ?)",
                             [source, reason, found[0] + count, _json(kept)])  # fmt: skip
        self._notes.clear()

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("select value from meta where key = ?", [key]).fetchone()
        return row[0] if row else None

    def _set(self, key: str, value: str) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", [key, value])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(row: Row, name: str) -> str:
    text = row.get(name, "")
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise Unusable(f"no usable {name}")
    return str(int(text))


def _moment(row: Row) -> str:
    try:
        moment = datetime.fromisoformat(row.get("CreationDate", ""))
    except ValueError:
        raise Unusable("no usable CreationDate") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return _text(moment)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _score(row: Row) -> int:
    text = row.get("Score", "")
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else 0


def _line(text: str, limit: int | None = None) -> str:
    """One trimmed line, cut at ``limit``."""
    return " ".join(_CONTROL.sub("", text).split())[:limit].strip()


def _title(text: str) -> str:
    title = _line(text)
    if not 0 < len(title) <= LIMITS.title:
        raise Unusable(f"a title that is empty or of more than {LIMITS.title:,} characters")
    return title


def _body(text: str, limit: int) -> str:
    text = _CONTROL.sub("", text).strip()
    if not text:
        raise Unusable("no text")
    if len(text) > limit:
        raise Unusable(f"a text of more than {limit:,} characters")
    return text


def _markdown(html: str) -> str:
    try:
        return str(markdownify(html, heading_style=ATX, bullets="-"))
    except RecursionError:
        raise Unusable("HTML that is nested too deeply") from None


def _tags(text: str) -> list[str]:
    """``<a><b>`` or, in newer dumps, ``|a|b|``."""
    names = (name.strip()[: LIMITS.tag] for name in re.split(r"[<>|\s,]+", text.casefold()))
    return list(dict.fromkeys(filter(None, names)))[: LIMITS.tags]
