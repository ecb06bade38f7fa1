"""`eoi` where nobody waits long: gaps, rests, leases and looks are short; a program of the tests.

How often something is tried is as it always is, and so is everything else.
"""

import json
import sys

from adapters import bootstrap
from scheduler import Runner
from tests.many_nodes import machine
from workflow import backoff


def main() -> None:
    """Be that machine, and do there what the rest of the command line says."""
    odd = json.loads(sys.argv[1])
    vars(backoff).update(odd.pop("backoff"))
    # Without it no lease is shorter than the longest time that an attempt may take.
    vars(bootstrap).update(LEASE_S=odd.pop("lease_s"), _longest_s=lambda _: 0.0)
    assert Runner.__init__.__kwdefaults__ is not None
    Runner.__init__.__kwdefaults__.update(pump_period_s=odd.pop("pump_period_s"))
    sys.argv[1] = json.dumps(odd)
    machine.main()


if __name__ == "__main__":
    main()
