"""One run of pruning: workspace after workspace, portion after portion, or only the counts of what would go."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import msgspec

from tocsin.errors import Busy
from tocsin.objects.records import ALERTS, INCIDENTS
from tocsin.retention import service
from tocsin.retention.records import PAGE, PORTION, Counts, Group, Member, Outcome, Plan, Run, Target
from tocsin.storage.database import Database, Transaction

T = TypeVar("T")

_ATTEMPTS = 5  # of a portion, while another process keeps the database busy for longer than a statement waits
_LONGEST_PAUSE_S = 1.0


class _Tally(msgspec.Struct, kw_only=True):
    """A workspace, and what became of it so far."""

    target: Target
    whole: bool
    removed: Counts = msgspec.field(default_factory=Counts)
    kept: Counts = msgspec.field(default_factory=Counts)


class Pruner:
    """Removes what a plan allows; a dry one only counts."""

    def __init__(
        self,
        database: Database,
        plan: Plan,
        run: Run,
        *,
        dry: bool,
        progress: Callable[[Target, Counts], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._plan = plan
        self._run = run
        self._dry = dry
        self._progress = progress
        self._pause = pause
        self.stopped = False

    def stop(self) -> None:
        """End after the present portion. May be called from a signal handler."""
        self.stopped = True

    def prune_tokens(self) -> int:
        """Tokens that have expired; returns how many."""
        if self._dry:
            return self._read(lambda tx: service.count_expired_tokens(tx, self._run.now_ms))
        total = 0
        while not self.stopped:
            removed = self._write(lambda tx: service.remove_expired_tokens(tx, self._run.now_ms))
            total += removed
            if removed < PORTION:
                break
        return total

    def prune(self, target: Target) -> Outcome:
        """One workspace. Raises Unavailable when the database stays busy; what was removed before stays removed."""
        deleted = target.deleted_time is not None and target.deleted_time < self._plan.cutoff_ms
        tally = _Tally(target=target, whole=deleted and self._plan.workspaces)
        if tally.whole:
            self._everything(tally)
        else:
            self._what_is_old(tally)
        return Outcome(target=target, removed=+tally.removed, kept=+tally.kept, whole=tally.whole)

    def _everything(self, tally: _Tally) -> None:
        workspace_id = tally.target.id
        if self._dry:
            tally.removed += self._read(lambda tx: service.count_whole(tx, workspace_id)) + Counts(workspaces=1)
        else:
            self._repeat(tally, lambda tx: service.remove_whole(tx, workspace_id, self._plan))

    def _what_is_old(self, tally: _Tally) -> None:
        workspace_id, plan = tally.target.id, self._plan
        if plan.classes:
            hidden = self._hidden(workspace_id)
            if {ALERTS.name, INCIDENTS.name} <= set(plan.classes):
                self._groups(tally, hidden)
            for dataclass in plan.classes:
                self._loose(tally, dataclass, hidden)
            if self._dry:
                tally.removed += self._read(lambda tx: service.count_deleted(tx, workspace_id, plan))
            else:
                self._repeat(tally, lambda tx: service.remove_deleted(tx, workspace_id, plan))
        if self._dry:
            tally.removed["answers"] += self._read(lambda tx: service.count_old_answers(tx, workspace_id, plan))
            if plan.audit:
                tally.removed["audit"] += self._read(lambda tx: service.count_old_audit(tx, workspace_id, plan))
            return
        self._repeat(tally, lambda tx: service.remove_old_answers(tx, workspace_id, plan))
        if plan.audit:
            self._repeat(tally, lambda tx: service.remove_old_audit(tx, workspace_id, plan))

    def _hidden(self, workspace_id: str) -> service.Hidden:
        hidden: dict[Member, set[str]] = {}
        for page in self._conversions(workspace_id):
            found = self._read(partial(service.list_hidden, workspace_id=workspace_id, conversion_ids=page))
            for member, conversion_id in found:
                hidden.setdefault(member, set()).add(conversion_id)
        return hidden

    def _conversions(self, workspace_id: str) -> Iterator[list[str]]:
        """Every conversion that is old enough, a page at a time."""
        after = ""
        while not self.stopped:
            page = self._read(
                partial(service.list_conversions, workspace_id=workspace_id, plan=self._plan, after=after)
            )
            if not page:
                return
            yield page
            after = page[-1]

    def _groups(self, tally: _Tally, hidden: service.Hidden) -> None:
        """What conversions hold together, where all of it may go."""
        workspace_id = tally.target.id
        for page in self._conversions(workspace_id):
            found = self._read(
                partial(
                    service.find_groups, workspace_id=workspace_id, conversion_ids=page, plan=self._plan, hidden=hidden
                )
            )
            # A group over several pages is met in each; it is taken at its first conversion.
            expired = [one for one in found if one.expired and min(one.conversions) in set(page)]
            for batch in _batches(expired):
                if self.stopped:
                    return
                if self._dry:
                    _count(tally, batch)
                    continue
                ids = sorted(min(one.conversions) for one in batch)
                self._portion(
                    tally,
                    partial(
                        service.remove_groups,
                        workspace_id=workspace_id,
                        conversion_ids=ids,
                        plan=self._plan,
                        hidden=hidden,
                    ),
                )

    def _loose(self, tally: _Tally, dataclass: str, hidden: service.Hidden) -> None:
        """Objects of a class that no conversion holds. Groups went before: what conversions still hold is kept."""
        workspace_id = tally.target.id
        held = -tally.removed[dataclass] if self._dry else 0
        after = ""
        while not self.stopped:
            page = self._read(
                partial(
                    service.list_candidates,
                    workspace_id=workspace_id,
                    dataclass=dataclass,
                    plan=self._plan,
                    after=after,
                )
            )
            expired = [one for one in page if one.expired]
            loose = [one.id for one in expired if not one.linked and Member(dataclass, one.id) not in hidden]
            held += len(expired) - len(loose)
            for start in range(0, len(loose), PORTION):
                ids = loose[start : start + PORTION]
                if self._dry:
                    tally.removed[dataclass] += len(ids)
                elif not self.stopped:
                    self._portion(
                        tally,
                        partial(
                            service.remove_loose,
                            workspace_id=workspace_id,
                            dataclass=dataclass,
                            object_ids=ids,
                            plan=self._plan,
                        ),
                    )
            if len(page) < PAGE:
                break
            after = page[-1].id
        tally.kept[dataclass] = held

    def _repeat(self, tally: _Tally, work: Callable[[Transaction], Counts]) -> None:
        while not self.stopped and self._portion(tally, work).total():
            pass

    def _portion(self, tally: _Tally, work: Callable[[Transaction], Counts]) -> Counts:
        """One transaction: what it removes, and the audit row that counts it."""
        portion = service.recorded(work, tally.target.id, self._run, Counts(tally.removed), whole=tally.whole)
        removed = self._write(portion)
        tally.removed += removed
        self._progress(tally.target, tally.removed)
        return removed

    def _read(self, work: Callable[[Transaction], T]) -> T:
        return self._database.read(work).result()

    def _write(self, work: Callable[[Transaction], T]) -> T:
        """Write, then pause for as long as that took: a server beside it gets every second turn at least."""
        for attempt in range(1, _ATTEMPTS + 1):
            started_s = time.monotonic()
            try:
                result = self._database.write(work).result()
            except Busy:
                if attempt == _ATTEMPTS:
                    raise
            else:
                break
        self._pause(min(time.monotonic() - started_s, _LONGEST_PAUSE_S))
        return result


def _batches(groups: Iterable[Group]) -> Iterator[list[Group]]:
    """Whole groups, up to a portion of objects together; a larger group is a batch of its own."""
    batch: list[Group] = []
    size = 0
    for one in groups:
        if batch and size + len(one.members) > PORTION:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.members)
    if batch:
        yield batch


def _count(tally: _Tally, groups: Iterable[Group]) -> None:
    for one in groups:
        tally.removed["conversions"] += len(one.conversions)
        for dataclass in (ALERTS.name, INCIDENTS.name):
            tally.removed[dataclass] += len(one.ids(dataclass))
