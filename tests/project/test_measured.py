"""What `tests/measured.py` says is so: what other tests run is not counted, and no folder is misspelt."""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.measured import MEASURED, TESTS, is_measured


def test_this_test_is_not_measured() -> None:
    """Coverage looks at no line that it runs, nor at those of a thread that it begins."""
    with ThreadPoolExecutor() as pool:
        assert [sys.gettrace(), pool.submit(sys.gettrace).result()] == [None, None]


def test_all_that_is_measured_is_there() -> None:
    """A renamed one would go uncounted; what stands in it counts, and its neighbour's does not."""
    assert [name for name in MEASURED if not (TESTS / name).exists()] == []
    assert is_measured(TESTS / MEASURED[0] / "test_it.py")
    assert not is_measured(TESTS / f"{MEASURED[0]}_more" / "test_it.py")
