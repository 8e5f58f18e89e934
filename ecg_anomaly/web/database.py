"""What a workspace remembers, in SQLite: its recordings, and everything that was done to them.

An action that was answered is on the disk: neither a killed server nor a power cut takes it away.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.marks import Action
from ecg_anomaly.web.fields import Entered

VERSION = 1  # of the tables; raised when they change
_TABLES = """
CREATE TABLE recording (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    entered TEXT NOT NULL,
    added TEXT NOT NULL,
    failed TEXT NOT NULL DEFAULT '',
    threshold REAL,
    duration_s REAL,
    beats INTEGER,
    flagged INTEGER,
    events INTEGER,
    model TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE action (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL REFERENCES recording ON DELETE CASCADE,
    rows TEXT NOT NULL,
    mark TEXT NOT NULL,
    what TEXT NOT NULL,
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX action_of ON action (key, number);
"""


class GoneError(UserError):
    """A recording is not in the worklist."""

    def __init__(self) -> None:
        super().__init__("this recording is not there any more: it was deleted; open it again")


@dataclass(frozen=True)
class Kept:
    """What is kept of a recording beside its files."""

    key: str
    name: str
    path: Path  # of what was opened; relative to the workspace where it lies in there
    entered: Entered
    added: datetime  # with its zone
    failed: str  # why it could not be analysed; empty if it was, or will be
    threshold: float | None  # that the user chose
    duration_s: float | None  # None until it is analysed, as the counts
    beats: int | None
    flagged: int | None
    events: int | None
    model: str  # in words, which analysed it; empty until then
    version: int  # of its marks: counts what was done to them


@dataclass(frozen=True)
class History:
    """What was done to the marks of a recording."""

    actions: tuple[Action, ...]  # that count, in their order
    undo: str  # what would be undone, in words; empty if nothing
    redo: str
    version: int  # rises with everything that is done

    def to_json(self) -> dict[str, int | str]:
        """Give what the page needs after each action."""
        return {"version": self.version, "undo": self.undo, "redo": self.redo}


class Database:
    """The database in a file, which is made where there is none.

    One thread at a time writes; others read meanwhile what was there before, since a disk that is busy may take many
    seconds to take a change.

    Raises
    ------
    UserError
        When the file is none of ours, or of another version; of any method, when it cannot be read or written.
    """

    def __init__(self, path: Path):
        self._path = path
        self._writing_lock, self._reading_lock = threading.Lock(), threading.Lock()
        with self._told():
            self._writer, self._reader = (_connected(path) for _ in range(2))
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            made = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if made and version != VERSION:
                raise UserError(
                    f"{path}: was made by another version of this project (tables {version}, not {VERSION}); "
                    "name another folder with --workspace"
                )
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA foreign_keys = ON")
            if not made:
                self._writer.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def add(self, kept: Kept) -> None:
        """Add a recording."""
        values = {
            **{field.name: getattr(kept, field.name) for field in fields(kept)},
            "path": str(kept.path),
            "entered": json.dumps(asdict(kept.entered)),
            "added": kept.added.isoformat(),
        }
        with self._writing() as connection:
            places = ", ".join(f":{name}" for name in values)
            connection.execute(f"INSERT INTO recording ({', '.join(values)}) VALUES ({places})", values)

    def update(self, key: str, **values: str | float | None) -> None:
        """Set some of what is kept of a recording; it need not be there any more."""
        places = ", ".join(f"{name} = :{name}" for name in values)
        with self._writing() as connection:
            connection.execute(f"UPDATE recording SET {places} WHERE key = :key", {**values, "key": key})

    def delete(self, key: str) -> None:
        """Forget a recording, and all that was done to it."""
        with self._writing() as connection:
            connection.execute("DELETE FROM recording WHERE key = ?", (key,))

    def recordings(self) -> list[Kept]:
        """Give all recordings, the newest first."""
        with self._reading() as connection:
            return [_kept(row) for row in connection.execute("SELECT * FROM recording ORDER BY rowid DESC")]

    def recording(self, key: str) -> Kept:
        """Give a recording; `GoneError` if it is not there."""
        with self._reading() as connection:
            return _recording(connection, key)

    def history(self, key: str) -> History:
        """Give what was done to the marks of a recording."""
        with self._reading() as connection:
            version = _recording(connection, key).version
            rows = connection.execute("SELECT * FROM action WHERE key = ? ORDER BY number", (key,)).fetchall()
        done, undone = ([row for row in rows if row["undone"] == which] for which in (0, 1))
        actions = tuple(_action(row) for row in done)
        return History(actions, _words(done[-1:]), _words(undone[:1]), version)

    def has_marks(self) -> bool:
        """Say whether anything was ever marked in what is there."""
        with self._reading() as connection:
            return connection.execute("SELECT 1 FROM action").fetchone() is not None

    def act(self, key: str, action: Action) -> None:
        """Keep an action; what was undone can then no longer be redone.

        One that the latest says already is not kept again: a page that got no answer sends it again.
        """
        rows = json.dumps(action.rows)
        with self._changing(key) as connection:
            connection.execute("DELETE FROM action WHERE key = ? AND undone", (key,))
            latest = "SELECT rows, mark, what FROM action WHERE key = ? ORDER BY number DESC LIMIT 1"
            said = connection.execute(latest, (key,)).fetchone()
            if said is None or tuple(said) != (rows, action.mark, action.what):
                connection.execute(
                    "INSERT INTO action (key, rows, mark, what, by, at) VALUES (?, ?, ?, ?, ?, ?)",
                    (key, rows, action.mark, action.what, action.by, action.at.isoformat()),
                )

    def undo(self, key: str) -> None:
        """Undo the latest action of a recording, if there is one."""
        with self._changing(key) as connection:
            latest = "SELECT max(number) FROM action WHERE key = ? AND NOT undone"
            connection.execute(f"UPDATE action SET undone = 1 WHERE number = ({latest})", (key,))

    def redo(self, key: str) -> None:
        """Do again what was undone last, if there is anything."""
        with self._changing(key) as connection:
            first = "SELECT min(number) FROM action WHERE key = ? AND undone"
            connection.execute(f"UPDATE action SET undone = 0 WHERE number = ({first})", (key,))

    def close(self) -> None:
        """Close the file."""
        with self._writing_lock, self._reading_lock:
            self._reader.close()
            self._writer.close()

    @contextmanager
    def _changing(self, key: str) -> Iterator[sqlite3.Connection]:
        """Change the marks of a recording, which is there."""
        with self._writing() as connection:
            _recording(connection, key)
            yield connection
            connection.execute("UPDATE recording SET version = version + 1 WHERE key = ?", (key,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of a block, or nothing."""
        with self._told(), self._writing_lock, _transaction(self._writer, "IMMEDIATE"):
            yield self._writer

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Read what was there at one time."""
        with self._told(), self._reading_lock, _transaction(self._reader, "DEFERRED"):
            yield self._reader

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in words what is wrong with the database."""
        try:
            yield
        except sqlite3.Error as error:
            raise UserError(
                f"{self._path.name}, in which the worklist is kept, cannot be read or written ({error}); "
                "free some space on its disk, or name another folder with --workspace"
            ) from None


def _connected(path: Path) -> sqlite3.Connection:
    """Connect to the file, for whatever thread; transactions begin where we say."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Do all of a block or nothing."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _recording(connection: sqlite3.Connection, key: str) -> Kept:
    row = connection.execute("SELECT * FROM recording WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise GoneError
    return _kept(row)


def _kept(row: sqlite3.Row) -> Kept:
    entered = json.loads(row["entered"])
    values = {
        **dict(row),
        "path": Path(row["path"]),
        "entered": Entered(**entered | {"leads": tuple(entered["leads"])}),
        "added": datetime.fromisoformat(row["added"]),
    }
    return Kept(**values)


def _action(row: sqlite3.Row) -> Action:
    rows, at = tuple(json.loads(row["rows"])), datetime.fromisoformat(row["at"])
    return Action(rows, row["mark"], row["what"], row["by"], at)


def _words(rows: Sequence[sqlite3.Row]) -> str:
    """Say what an action did, if there is one."""
    return "".join(f"{row['what']}: {row['mark'] or 'no mark'}" for row in rows)
