"""The service stays awake while plans are made."""

import time
from statistics import median

import pytest
from api_builders import long_body, service

ROUNDS = 100


def health_seconds(client):
    """Ask for health again and again; return how long each answer took."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert client.get("/healthz").status_code == 200
        found.append(time.perf_counter() - began)
        time.sleep(0.02)
    return sorted(found)


@pytest.mark.slow
def test_health_answers_while_four_plans_run(tmp_path):
    """With four plans being made at once the typical health answer is under 100 ms, and the slowest under 1 s.

    On two cores that others kept busy (load 14) the median was 18 ms and the slowest 54 ms; the bound is wide for worse.
    """
    with service(tmp_path, plan_workers=4) as client:
        plans = [client.post("/v1/plans", json=long_body()) for _ in range(4)]
        deadline = time.monotonic() + 60
        while client.get("/readyz").json()["plans_running"] < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(5)
        assert client.get("/readyz").json()["plans_running"] == 4
        taken = health_seconds(client)
        assert median(taken) < 0.1
        assert taken[-1] < 1.0
        for plan in plans:
            client.delete(plan.headers["Location"])
