"""Each caller has a share: what is beyond it waits, for the caller's own work only."""

import asyncio

from tocsin.api.turns import Turns


def test_a_caller_beyond_the_limit_waits_and_others_do_not() -> None:
    async def run() -> tuple[int, bool, int]:
        turns = Turns(2)
        at_once = most = 0
        release = asyncio.Event()

        async def work(key: str) -> None:
            nonlocal at_once, most
            async with turns.of(key):
                at_once += 1
                most = max(most, at_once)
                await release.wait()
                at_once -= 1

        busy = [asyncio.create_task(work("ann")) for _ in range(5)]
        await asyncio.sleep(0)
        other = asyncio.create_task(work("bob"))
        await asyncio.sleep(0.01)
        with_bob = at_once
        release.set()
        await asyncio.gather(*busy, other)
        return with_bob, most <= 3, len(turns._turns)

    assert asyncio.run(run()) == (3, True, 0)


def test_work_that_fails_or_is_given_up_frees_its_turn() -> None:
    async def run() -> int:
        turns = Turns(1)

        async def fail() -> None:
            async with turns.of("ann"):
                raise ValueError

        async def hang() -> None:
            async with turns.of("ann"):
                await asyncio.Event().wait()

        hanging = [asyncio.create_task(hang()) for _ in range(2)]
        await asyncio.sleep(0)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, fail(), return_exceptions=True)
        return len(turns._turns)

    assert asyncio.run(run()) == 0
