"""Password checks beside the event loop: few at once, and one at a time for an address."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tocsin.api.turns import Turns
from tocsin.identity.secrets import password_matches

THREADS = 2  # each check takes 64 MiB for some 50 ms


class Hashing:
    """An address that sends many guesses waits for itself: the other thread is there for everybody else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hashing")
        self._turns = Turns(1)

    async def password_matches(self, password_hash: str | None, password: str, *, peer: str) -> bool:
        """See `identity.secrets.password_matches`; None stands for a user who does not exist."""
        async with self._turns.of(peer):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, password_matches, password_hash, password)
