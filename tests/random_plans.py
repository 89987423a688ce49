"""Random small plans and their best answer by enumeration, straight from the contract's Arithmetic.

The oracle reads the plan document and the prices themselves, without the solver's integers: windows inwards, speeds
floored, discounts, start-up, the spot net, limits, precedence, budgets. It lists every schedule of a job with at most
two segments, pairs those of two jobs, and takes the least exact cost, then the fewest segments, then the least sum of
finishes.
"""

import random
from fractions import Fraction
from itertools import combinations

from advisor_builders import cluster, document, hour, job, price, speed

HORIZON = 6
OWNED_USD = Fraction("1.0452")  # (10.2 - 3.5) kW x 1.3 x $0.12
# (machine, market, zone, $ an hour, nodes of the pool)
POOLS = {
    "onprem": ("onprem", None, None, OWNED_USD),
    "demand": ("p5.48xlarge", "on_demand", None, Fraction(9)),
    "zone": ("p5.48xlarge", "spot", "use1-az1", Fraction(3)),
    "old": ("p4d.24xlarge", "on_demand", None, Fraction(4)),
    "held": ("p5.48xlarge", "commitment", None, Fraction(0)),
}
PROVIDER = ("aws", "us-east-1")


class Case:
    """A random plan with what the oracle needs to know of it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        dice = random.Random(seed)
        self.end_minutes = dice.choice([60, 60, 30])
        self.pools = ["demand"] + [p for p in ("onprem", "zone", "old", "held") if dice.random() < 0.6]
        self.nodes = {"onprem": dice.choice([1, 2]), "demand": dice.choice(["", 1, 2]), "zone": dice.choice(["", 1])}
        self.window = sorted(dice.sample(range(HORIZON + 1), 2)) if dice.random() < 0.6 else [0, HORIZON]
        self.held = sorted(dice.sample(range(HORIZON + 1), 2))
        self.limit = dice.choice([None, 1, 2])
        self.percent = dice.choice([0, 0, 10, 12])
        self.net = dice.random() < 0.7
        self.jobs = [self._job(name, dice) for name in "ab"[: dice.choice([1, 1, 2])]]
        if len(self.jobs) == 2 and dice.random() < 0.5:
            self.jobs[1]["after"] = ["a"]
        if dice.random() < 0.3:
            self.jobs[0]["budget_usd"] = dice.choice([10, 25, 60])

    def _job(self, name: str, dice: random.Random) -> dict:
        machines = {POOLS[p][0] for p in self.pools}
        speeds = [
            speed(machine, nodes, nodes * dice.choice([900, 1000.7, 1100]) * (1 if machine != "p4d.24xlarge" else 0.5))
            for machine in sorted(machines)
            for nodes in (1, 2)
            if dice.random() < 0.8 and not (machine == "onprem" and nodes > self.nodes["onprem"])
        ]
        fields = {
            "max_segments": dice.choice([1, 2]),
            "deadline": hour(dice.choice([4, 5, 6])),
            "startup_minutes": dice.choice([0, 0, 30]),
        }
        if dice.random() < 0.3:
            fields["earliest_start"] = hour(dice.choice([1, 2]))
        return job(name, dice.choice([0.7, 1.5, 2, 3.2, 4.5]), *(speeds or [speed("p5.48xlarge", 1, 1000)]), **fields)

    def document(self) -> dict:
        """Return the plan document."""
        fields: dict = {"end_grid_minutes": self.end_minutes, "max_miss_probability": 0.05 if self.net else 1}
        if "onprem" in self.pools:
            first, end = self.window
            fields["clusters"] = [
                cluster(
                    self.nodes["onprem"],
                    available=[{"from": hour(first), "to": hour(end), "nodes": self.nodes["onprem"]}],
                )
            ]
        if "held" in self.pools:
            first, end = self.held
            fields["commitments"] = [
                {"name": "held", "provider": "aws", "region": "us-east-1", "machine": "p5.48xlarge", "nodes": 1,
                 "start": hour(first), "end": hour(end)}
            ]  # fmt: skip
        if self.limit is not None:
            fields["limits"] = [{"provider": "aws", "machine": "p5.48xlarge", "max_nodes": self.limit}]
        if self.percent:
            fields["discounts"] = [{"provider": "aws", "market": "on_demand", "percent": self.percent}]
        return document(*self.jobs, **fields)

    def prices(self) -> list[str]:
        """Return the rows of the price sheet."""
        rows = []
        for name in self.pools:
            machine, market, zone, usd = POOLS[name]
            if market in {"on_demand", "spot"}:
                rows.append(
                    price(
                        str(float(usd)), machine=machine, market=market, zone=zone or "", nodes=self.nodes.get(name, "")
                    )
                )
        return rows

    def usd(self, pool: str) -> Fraction:
        """Price of a node-hour; all discounted prices here are whole micro-USD."""
        off = self.percent if POOLS[pool][1] == "on_demand" else 0
        return POOLS[pool][3] * (100 - off) / 100

    def capacity(self, pool: str, at: Fraction) -> float:
        """Nodes of a pool at a moment (hours)."""
        if pool == "held":
            return 1 if self.held[0] <= at < self.held[1] else 0
        if pool == "onprem":
            return self.nodes["onprem"] if self.window[0] <= at < self.window[1] else 0
        nodes = self.nodes.get(pool, "")
        return float("inf") if nodes == "" else float(nodes)

    def limited(self, pool: str) -> bool:
        """Whether the limit counts this pool's nodes."""
        return self.limit is not None and POOLS[pool][0] == "p5.48xlarge" and pool != "held"


def hours_of(moment: str | None, otherwise: int) -> int:
    """Hours of a moment of 1 December after the plan's start."""
    return otherwise if moment is None else int(moment[11:13]) + 24 * (int(moment[8:10]) - 1)


def done(spec: dict, rate: int, hours: Fraction) -> Fraction:
    """Tokens of a segment."""
    return rate * 3600 * max(Fraction(0), hours - Fraction(spec["startup_minutes"], 60))


def options(case: Case, spec: dict) -> list[tuple[str, int, int]]:
    """Return (pool, nodes, whole tokens per second) of a job."""
    return [
        (pool, entry["nodes"], int(entry["tokens_per_second"]))
        for pool in case.pools
        for entry in spec["measured"]
        if entry["machine"] == POOLS[pool][0]
    ]


def fits(case: Case, segments: list[tuple]) -> bool:
    """Whether capacities and the limit hold at every moment; segments are (pool, nodes, start, end)."""
    for at in sorted({s[2] for s in segments} | {Fraction(x) for x in range(HORIZON)}):
        now = [s for s in segments if s[2] <= at < s[3]]
        for pool in {s[0] for s in now}:
            if sum(s[1] for s in now if s[0] == pool) > case.capacity(pool, at):
                return False
        if case.limit is not None and sum(s[1] for s in now if case.limited(s[0])) > case.limit:
            return False
    return True


def last_fresh_start(case: Case, spec: dict, due: int) -> int | None:
    """Last whole hour from which the whole job in one segment off spot ends by `due`."""
    best = None
    for pool, nodes, rate in options(case, spec):
        if POOLS[pool][1] == "spot" or (case.limited(pool) and nodes > case.limit):
            continue
        for start in range(HORIZON):
            for end in ends(case, start):
                if (
                    end <= due
                    and done(spec, rate, end - start) >= spec["tokens"]
                    and fits(case, [(pool, nodes, Fraction(start), end)])
                ):
                    best = start if best is None else max(best, start)
    return best


def ends(case: Case, start: int) -> list[Fraction]:
    """Ends on the end grid after a start."""
    steps = 60 // case.end_minutes
    return [start + Fraction(k, steps) for k in range(1, (HORIZON - start) * steps + 1)]


def spot_until(case: Case) -> dict[str, int | None]:
    """Last moment on spot of each job; None forbids it."""
    if not case.net:
        return {spec["name"]: HORIZON for spec in case.jobs}
    found: dict[str, int | None] = {}
    for spec in reversed(case.jobs):
        due = hours_of(spec["deadline"], HORIZON)
        for later in case.jobs:
            if spec["name"] in later.get("after", []) and found[later["name"]] is not None:
                due = min(due, found[later["name"]])
        found[spec["name"]] = last_fresh_start(case, spec, due)
    return found


def schedules(case: Case, spec: dict, spot_end: int | None) -> list[tuple]:
    """Return (cost, segments, finish, schedule) of every schedule of one job alone, cheapest first."""
    first, last = hours_of(spec.get("earliest_start"), 0), hours_of(spec["deadline"], HORIZON)
    segments = []
    for pool, nodes, rate in options(case, spec):
        on_spot = POOLS[pool][1] == "spot"
        if on_spot and spot_end is None:
            continue
        for start in range(first, last):
            for end in ends(case, start):
                inside = end <= (min(last, spot_end) if on_spot else last) and done(spec, rate, end - start) > 0
                if inside and fits(case, [(pool, nodes, Fraction(start), end)]):
                    segments.append((pool, nodes, Fraction(start), end, rate))
    groups = [(s,) for s in segments]
    if spec["max_segments"] == 2:
        groups += [
            tuple(sorted(p, key=lambda s: s[2]))
            for p in combinations(segments, 2)
            if p[0][3] <= p[1][2] or p[1][3] <= p[0][2]
        ]
    found = []
    for group in groups:
        if sum(done(spec, s[4], s[3] - s[2]) for s in group) < spec["tokens"]:
            continue
        cost = sum(s[1] * (s[3] - s[2]) * case.usd(s[0]) for s in group)
        if cost <= spec.get("budget_usd", 10**9):
            found.append((cost, len(group), max(s[3] for s in group), group))
    return sorted(found)


def best(case: Case) -> tuple | None:
    """Return (cost, segments, sum of finishes) of the best plan, or None."""
    until = spot_until(case)
    lists = [schedules(case, spec, until[spec["name"]]) for spec in case.jobs]
    if not all(lists):
        return None
    if len(lists) == 1:
        return min(entry[:3] for entry in lists[0])
    found = None
    for one in lists[0]:
        if found is not None and one[0] + lists[1][0][0] > found[0]:
            break
        for two in lists[1]:
            value = (one[0] + two[0], one[1] + two[1], one[2] + two[2])
            if found is not None and value[0] > found[0]:
                break
            if case.jobs[1].get("after") and min(s[2] for s in two[3]) < one[2]:
                continue
            if (found is None or value < found) and fits(case, [s[:4] for s in (*one[3], *two[3])]):
                found = value
    return found
