"""`eoi` where nobody waits long: gaps, rests, leases and looks are short; a program of the tests.

How often something is tried is as it always is, and so is everything else.
"""

import json
import sys

from scheduler import Runner, backoff
from tests.many_nodes import machine


def main() -> None:
    """Be that machine, and do there what the rest of the command line says."""
    odd = json.loads(sys.argv[1])
    vars(backoff).update(odd.pop("backoff"))
    assert Runner.__init__.__kwdefaults__ is not None
    Runner.__init__.__kwdefaults__.update(pump_period_s=odd.pop("pump_period_s"))
    sys.argv[1] = json.dumps(odd)
    machine.main()


if __name__ == "__main__":
    main()
