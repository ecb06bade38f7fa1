"""`./run bench`: what the engine costs, beside the least that the same work can cost and what others take.

Each workload is one file: what is done, the floor (the same rows by the bare driver, or the bare library),
and its peers. `race` lets them take turns, `report` says how it went. Nothing here is in the wheel; our own
side is used as hosts use it, and only `seed` knows the tables: nobody drafts a million EOIs one by one.
"""
