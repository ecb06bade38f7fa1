"""Every workload, by its name."""

from typing import Final

from bench import w1_fire, w2_close, w3_deliver, w4_decide, w5_find, w6_submit, w7_start
from bench.contest import Workload

WORKLOADS: Final[dict[str, Workload]] = {
    module.WORKLOAD.name: module.WORKLOAD
    for module in (w1_fire, w2_close, w3_deliver, w4_decide, w5_find, w6_submit, w7_start)
}
