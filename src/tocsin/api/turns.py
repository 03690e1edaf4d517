"""Fairness between callers: each may have some pieces of work under way, and waits for itself beyond that."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

import msgspec


class _Turn(msgspec.Struct):
    semaphore: asyncio.Semaphore
    # Who holds it or waits for it; forgotten when nobody does.
    users: int = 0


class Turns:
    """At most `limit` at once for each key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns: dict[Hashable, _Turn] = {}

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        turn = self._turns.setdefault(key, _Turn(asyncio.Semaphore(self._limit)))
        turn.users += 1
        try:
            async with turn.semaphore:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                self._turns.pop(key, None)
