"""Lines of a feed become alerts: batching, duplicates and transactions are here, for every source format.

Memory is bounded by a batch and one line, whatever the size of the file.
"""

import time
from collections.abc import Callable

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.errors import Busy, InvalidRequest
from tocsin.ingest.lines import Line, read_lines
from tocsin.ingest.records import MAX_LINE_BYTES, MappedAlert, Mapper, Summary, UnreadableLine
from tocsin.ingest.rejects import RejectFile
from tocsin.objects.documents import Prepared, prepare_new
from tocsin.objects.records import ALERTS
from tocsin.objects.service import MADE_BY_SOURCE, NewObject, insert_objects, insert_source_events, known_ids
from tocsin.storage.database import Database, Transaction
from tocsin.times import iso_form
from tocsin.workspaces.records import Scope

BATCH_ALERTS = 500
BATCH_BYTES = 4 << 20
COMMIT_AFTER_S = 1.0  # an alert from a pipe is in the desk a second after it was written
_PATIENCE_S = 0.2
_ATTEMPTS = 5  # of a batch, while another process keeps the database busy for longer than a statement waits
_ENCODER = msgspec.json.Encoder()


class _Pending(msgspec.Struct, frozen=True):
    """A mapped line that waits for its batch to be committed."""

    mapped: MappedAlert
    line: Line
    source: str


class Feed:
    """One run of one source format into one workspace."""

    def __init__(
        self,
        *,
        source: str,
        mapper: Mapper,
        database: Database,
        scope_now: Callable[[], Scope],
        rejects: RejectFile,
        progress: Callable[[Summary], None],
    ) -> None:
        """`scope_now` gives a scope with the present time and a new request id, once for each batch."""
        self._source = source
        self._mapper = mapper
        self._database = database
        self._scope_now = scope_now
        self._rejects = rejects
        self._progress = progress
        self._batch: dict[str, _Pending] = {}
        self._batch_bytes = 0
        self._committed_s = time.monotonic()
        self.summary = Summary()
        self.stopped = False

    def read(self, descriptor: int, name: str) -> None:
        """Take in an open file or pipe to its end, or until `stop`; what was read is committed then.

        Raises Unavailable when the database stays busy or is full, OSError when the file fails; what was committed
        before stays.
        """
        for line in read_lines(descriptor, patience_s=_PATIENCE_S):
            if line is not None:
                self._take(line, name)
            if self._is_due():
                self._commit()
            if self.stopped:
                break
        self._commit()

    def stop(self) -> None:
        """End reading after the present line. May be called from a signal handler."""
        self.stopped = True

    def _take(self, line: Line, name: str) -> None:
        self.summary.lines += 1
        if line.parts is not None:
            self._commit()  # the rest of the line may be long in coming
            self._reject(line, name, f"a line may have at most {MAX_LINE_BYTES} bytes")
            return
        try:
            mapped = self._mapper(line.text)
        except UnreadableLine as error:
            self._reject(line, name, str(error))
            return
        if mapped is None:
            self.summary.skipped += 1
        elif mapped.event_id in self._batch:
            self.summary.known += 1
        else:
            self._batch[mapped.event_id] = _Pending(mapped, line, name)
            self._batch_bytes += len(line.text)

    def _reject(self, line: Line, name: str, reason: str) -> None:
        self._rejects.write(name, line.number, reason, line.parts or [line.text])
        self.summary.rejected += 1

    def _is_due(self) -> bool:
        return (
            len(self._batch) >= BATCH_ALERTS
            or self._batch_bytes >= BATCH_BYTES
            or time.monotonic() - self._committed_s >= COMMIT_AFTER_S
        )

    def _commit(self) -> None:
        """Store the batch: alerts, their events and one audit row, together."""
        batch, self._batch, self._batch_bytes = self._batch, {}, 0
        if batch:
            self._store(batch)
        self._committed_s = time.monotonic()
        self._progress(self.summary)

    def _store(self, batch: dict[str, _Pending]) -> None:
        scope = self._scope_now()
        new: list[NewObject] = []
        for event_id, pending in batch.items():
            try:
                new.append(NewObject(id=event_id, prepared=_prepared(pending.mapped, scope)))
            except InvalidRequest as error:
                self._reject(pending.line, pending.source, str(error))

        def store(tx: Transaction) -> int:
            known = known_ids(tx, scope, ALERTS, [one.id for one in new])
            unknown = [one for one in new if one.id not in known]
            added = insert_objects(tx, scope, ALERTS, unknown, origin=MADE_BY_SOURCE)
            if added:
                events = [(one.id, batch[one.id].line.text) for one in unknown]
                insert_source_events(tx, scope, ALERTS, self._source, events)
                fields = {"ingested": (None, added), "source": (None, self._source)}
                record_changes(tx, scope, [Change(ALERTS.name, "", fields)])
            return added

        added = self._patiently(store)
        self.summary.new += added
        self.summary.known += len(new) - added

    def _patiently(self, store: Callable[[Transaction], int]) -> int:
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._database.write(store).result()
            except Busy:
                time.sleep(0.25 * 2**attempt)
        return self._database.write(store).result()


def _prepared(mapped: MappedAlert, scope: Scope) -> Prepared:
    """An alert through the checks that a client's alert gets. Raises InvalidRequest."""
    # An event without a time happened, as far as anybody knows, when it arrived.
    arrival = iso_form(scope.now_ms, scope.offset_min)
    data_object = {"first_observed_time": arrival, "last_observed_time": arrival} | mapped.data_object
    return prepare_new(
        ALERTS,
        _ENCODER.encode(data_object),
        creator=scope.caller.user_name,
        now_ms=scope.now_ms,
        offset_min=scope.offset_min,
    )
