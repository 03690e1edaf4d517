"""Failed logins slow the next ones down, for one user from one address: nobody can lock anybody else out."""

import collections
from collections.abc import Hashable

import msgspec

from tocsin.errors import LoginFailed

FREE_FAILURES = 3  # a mistyped password costs nothing
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
LONGEST_WAIT_S = 60.0  # beyond that an attempt is refused at once, so that waiting ones do not pile up
FORGET_AFTER_S = 900.0
REMEMBERED = 10_000  # bounded: the oldest is forgotten first


class _Failures(msgspec.Struct, frozen=True):
    count: int = 0
    last_s: float = 0.0
    # When the attempt that is already waiting will have had its turn.
    free_s: float = 0.0


class LoginThrottle:
    """Counts failures by key, in memory of one process. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures: collections.OrderedDict[Hashable, _Failures] = collections.OrderedDict()

    def begin(self, key: Hashable, now_s: float) -> float:
        """Count an attempt as failed until it succeeds; returns the seconds to wait before looking at it.

        Attempts that are sent at once take turns, each after its own delay. Raises LoginFailed for one whose turn
        would be too far off.
        """
        known = self._failures.pop(key, _Failures(last_s=now_s))
        if now_s - known.last_s > FORGET_AFTER_S:
            known = _Failures()
        delay_s = 0.0
        if known.count >= FREE_FAILURES:
            delay_s = min(FIRST_DELAY_S * 2.0 ** min(known.count - FREE_FAILURES, 16), LONGEST_DELAY_S)
        free_s = max(now_s, known.free_s) + delay_s
        refused = free_s - now_s > LONGEST_WAIT_S
        self._failures[key] = _Failures(known.count + 1, now_s, known.free_s if refused else free_s)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)
        if refused:
            raise LoginFailed("Too many failed attempts: wait a minute before the next one.")
        return free_s - now_s

    def succeeded(self, key: Hashable) -> None:
        self._failures.pop(key, None)
