"""How much the tests with drawn input draw.

TOCSIN_TEST_FUZZ_EXAMPLES is the number of requests for each operation; property tests draw as many times more as it is
more than usual. A usual run always draws the same, so that it fails for the change at hand; a longer one never does.
"""

import os

from hypothesis import HealthCheck, settings

USUAL = 15
EXAMPLES = int(os.environ.get("TOCSIN_TEST_FUZZ_EXAMPLES", USUAL))


def drawing(usual: int) -> settings:
    """For a test that draws so many examples in a usual run."""
    return settings(
        max_examples=max(1, usual * EXAMPLES // USUAL),
        derandomize=EXAMPLES == USUAL,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
