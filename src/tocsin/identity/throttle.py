"""Failed logins slow the next ones down, for one user name from one address: nobody can lock anybody else out."""

import collections
from collections.abc import Hashable

FREE_FAILURES = 3  # a mistyped password costs nothing
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
FORGET_AFTER_S = 900.0
REMEMBERED = 10_000  # bounded: the oldest is forgotten first


class LoginThrottle:
    """Counts failures by key, in memory of one process. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures: collections.OrderedDict[Hashable, tuple[int, float]] = collections.OrderedDict()

    def begin(self, key: Hashable, now_s: float) -> float:
        """Count an attempt as failed until it succeeds; returns the seconds to wait before looking at it.

        Counting first makes attempts that are sent at once wait one longer than the other.
        """
        count, last_s = self._failures.pop(key, (0, now_s))
        if now_s - last_s > FORGET_AFTER_S:
            count = 0
        self._failures[key] = (count + 1, now_s)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)
        if count < FREE_FAILURES:
            return 0.0
        return min(FIRST_DELAY_S * 2.0 ** min(count - FREE_FAILURES, 16), LONGEST_DELAY_S)

    def succeeded(self, key: Hashable) -> None:
        self._failures.pop(key, None)
