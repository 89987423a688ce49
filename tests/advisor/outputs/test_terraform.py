"""The Terraform folder of an answer: pools, windows, budgets, names, and that it is whole."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from answer_builders import at, no_answer, rented, rich_answer, segment
from hypothesis import example, given
from hypothesis import strategies as st
from terraform_builders import GOOGLE, HOSTILE, many_pools, planned

from advisor.outputs.files import file_content
from advisor.outputs.terraform import terraform_files
from advisor.outputs.terraform_names import aws_tag, gcp_label, pool_names
from advisor.recommendation import Recommendation
from pricing.hardware import machines

MODULES = Path(__file__).parents[3] / "infra" / "terraform" / "modules"


def variables(recommendation: Recommendation) -> dict[str, Any]:
    """The plan's variables."""
    return json.loads(terraform_files(recommendation)["plan.auto.tfvars.json"])


def notice(recommendation: Recommendation) -> str:
    """The plan's notice."""
    return terraform_files(recommendation)["NOTICE.md"].decode()


def test_a_pool_is_a_job_on_one_machine_over_time():
    """Segments of a job on the same nodes share a pool; windows that touch are one, other node counts another pool."""
    spot = rented("spot")
    found = variables(
        planned(
            segment("a", 0, 10, **spot),
            segment("a", 10, 20, **spot),
            segment("a", 30, 40, **spot),
            segment("a", 50, 60, **(spot | {"nodes": 5})),
            segment("b", 0, 10, **spot),
        )
    )["aws_pools"]

    assert [(p["job"], p["nodes"], len(p["windows"]), p["planned_usd"]) for p in found.values()] == [
        ("a", 4, 2, 1200),
        ("a", 5, 1, 500),
        ("b", 4, 1, 400),
    ]
    assert next(iter(found.values()))["windows"][0] == {"start": "2026-12-01T00:00:00Z", "end": "2026-12-01T20:00:00Z"}


def test_a_plan_made_anew_keeps_its_pools():
    """A pool's name holds neither the recommendation's id nor its windows: nodes are not replaced by a new plan."""
    first = planned(segment("a", 0, 10, **rented("spot")))
    second = planned(segment("a", 5, 25, **rented("spot")), segment("b", 0, 5, **rented("spot")))
    second = second.model_copy(update={"id": "rec_other"})

    assert set(variables(first)["aws_pools"]) < set(variables(second)["aws_pools"])


def test_the_aws_budget_is_the_dearest_month():
    """480 node-hours in December and 240 in January at $10.01 each: $4,804.80, rounded up to whole dollars."""
    found = variables(planned(segment("a", 31 * 24 - 120, 31 * 24 + 60, **rented("spot")), usd="10.01"))["budgets"]

    assert found == {"aws": {"monthly_limit_usd": 4805, "start": "2026-12-27T00:00:00Z", "end": "2027-02-01T00:00:00Z"}}


def test_the_google_budget_is_the_whole_period():
    """A budget on Google Cloud covers the pools from first start to last end."""
    found = variables(planned(segment("a", 0, 10.5, **rented("spot", machine="a3-megagpu-8g", **GOOGLE)), usd="1.01"))

    assert found["clouds"] == ["gcp"]
    assert found["budgets"] == {
        "gcp": {"limit_usd": 43, "start": "2026-12-01T00:00:00Z", "end": "2026-12-01T10:30:00Z"}
    }


def test_held_capacity_is_asked_for():
    """Pools on commitments and blocks name the reservation that the engineer gives; the notice says which."""
    block = segment("b", 0, 5, **rented("capacity_block"))
    made = planned(segment("a", 0, 5, **rented("commitment", commitment="block-1")), block)
    keys = {name: pool["reservation"] for name, pool in variables(made)["aws_pools"].items()}

    assert sorted(keys.values()) == sorted(["block-1", *(name for name in keys if name.startswith("b-"))])
    assert all(f"key {key}" in notice(made) for key in keys.values())


def test_flex_start_says_its_hours():
    """A flex-start pool carries the hours of its longest window; other pools have none."""
    flex = rented("flex_start", machine="a4-highgpu-8g", **GOOGLE)
    found = variables(
        planned(segment("a", 0, 10, **flex), segment("a", 20, 50.25, **flex), segment("b", 0, 5, **rented("spot")))
    )

    assert [pool["run_hours"] for pool in found["gcp_pools"].values()] == [30.25]
    assert "run_hours" not in next(iter(found["aws_pools"].values()))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"provider": "lambda", "machine": "gpu_8x_h100"}, "no module for provider lambda"),
        ({"machine": "p7.huge"}, "does not know the network interfaces"),
        ({"market": "flex_start"}, "no market flex\\_start"),
        ({"market": "flex_start", "machine": "a4-highgpu-8g", **GOOGLE}, "at most 7 days"),
    ],
)
def test_what_cannot_be_made_is_said(fields: dict[str, Any], why: str):
    """A rented segment that no module can make is in the notice with the reason, and in no variable."""
    made = planned(segment("a", 0, 200, **(rented("spot") | fields)))

    assert (variables(made)["aws_pools"], variables(made)["gcp_pools"], variables(made)["clouds"]) == ({}, {}, [])
    assert "makes no resources" in notice(made)
    assert why.replace("\\", "") in notice(made).replace("\\", "")


@pytest.mark.parametrize("made", [no_answer("infeasible"), no_answer("undecided"), planned(segment("a", 0, 5))])
def test_nothing_rented_is_said(made: Recommendation):
    """Without an answer, or on owned nodes alone, there are no pools, no clouds and no budgets, and the notice says so."""
    found = variables(made)

    assert (found["clouds"], found["aws_pools"], found["gcp_pools"], found["budgets"]) == ([], {}, {}, {})
    assert re.search(r"[Nn]othing is rented.*makes no resources", notice(made))


def test_the_modules_know_every_machine():
    """Each machine of the hardware table is accepted by its cloud's module, with as many interfaces for its GPUs."""
    aws = (MODULES / "aws_gpu_pool" / "main.tf").read_text(encoding="utf-8")
    accepted = (MODULES / "aws_gpu_pool" / "variables.tf").read_text(encoding="utf-8")
    gcp = (MODULES / "gcp_gpu_pool" / "main.tf").read_text(encoding="utf-8")
    (pattern,) = re.findall(
        r'regex\("(\^\(a2[^"]+)", var\.machine\)', (MODULES / "gcp_gpu_pool" / "variables.tf").read_text("utf-8")
    )
    cards = {
        name: int(count) - (first == "false")
        for name, count, first in re.findall(r'"(p\S+)"\s*= \{ count = (\d+), first_has_efa = (\w+) \}', aws)
    }
    fabrics = {
        name: int(gvnics) if rdma == "0" else int(rdma)
        for name, gvnics, rdma in re.findall(r'"(a\S+)"\s*= \{ gvnics = (\d), rdma = (\d)', gcp)
    }

    known = machines().values()
    assert cards == {m.name: m.nics for m in known if m.provider == "aws"}
    assert all(f'"{name}"' in accepted for name in cards)
    assert all(re.fullmatch(pattern, m.name) for m in known if m.provider == "gcp")
    assert fabrics == {m.name: m.nics for m in known if m.provider == "gcp" and m.nics > 1}


def test_user_texts_stay_texts():
    """Quotes, backslashes and Terraform's own template marks arrive in the variables as they were written."""
    pools = variables(many_pools())["aws_pools"]

    assert all(pool["job"].startswith(HOSTILE) for pool in pools.values())
    assert "<b>" not in notice(many_pools())


def test_the_zip_is_the_folder_and_tells_no_time():
    """The archive holds the folder under terraform/, byte for byte, twice the same."""
    packed = zipfile.ZipFile(io.BytesIO(file_content(rich_answer(), "terraform.zip")))

    assert {name.removeprefix("terraform/"): packed.read(name) for name in packed.namelist()} == terraform_files(
        rich_answer()
    )
    assert file_content(rich_answer(), "terraform.zip") == file_content(rich_answer(), "terraform.zip")
    assert {one.date_time for one in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_tests_and_examples_stay_at_home():
    """The folder holds the root, the modules and what the plan wrote: no tests, no examples, no lock file."""
    names = list(terraform_files(rich_answer()))

    assert not [name for name in names if "test" in name or "example" in name or name.startswith(".")]
    assert {"main.tf", "README.md", "modules/aws_gpu_pool/main.tf", "modules/gcp_gpu_pool/network.tf"} <= set(names)


NAMES = st.text(min_size=1, max_size=64)


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True))
@example(["a" * 64, "a" * 63, "调整", "整调", "1", "-", "A", "a"])
def test_pool_names_are_legal_and_their_own(names: list[str]):
    """Whatever jobs are called, pools have names that both clouds take, and no two share one."""
    found = pool_names([(name, name) for name in names])

    assert all(re.fullmatch(r"[a-z][-a-z0-9]{4,28}[a-z0-9]", name) for name in found)
    assert len(set(found)) == len(names)


@given(NAMES, NAMES)
@example("Research", "research")
@example("a b", "a_b")
@example("[x]", "_x_")
def test_labels_and_tags_are_legal_and_their_own(one: str, other: str):
    """Texts become what a cloud takes; two that differ stay apart."""
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", gcp_label(one))
    assert re.fullmatch(r"[\w .:/=+\-@]{1,256}", re.sub(r"[^\W\d_]|\w", "x", aws_tag(one)))
    assert (gcp_label(one) == gcp_label(other), aws_tag(one) == aws_tag(other)) == (one == other, one == other)


def test_hashes_that_meet_grow():
    """Where the short hashes of two pools are the same, both names are longer."""
    meeting = next(_meeting_hashes())

    assert [len(name.rpartition("-")[2]) for name in pool_names([("a", text) for text in meeting])] == [8, 8]


def _meeting_hashes():
    import hashlib

    seen: dict[str, str] = {}
    for number in range(10**6):
        start = hashlib.sha256(str(number).encode()).hexdigest()[:6]
        if start in seen:
            yield [seen[start], str(number)]
        seen[start] = str(number)


def test_windows_are_in_utc_to_the_minute():
    """A window that ends on a quarter of an hour says so."""
    (pool,) = variables(planned(segment("a", 0, 6.25, **rented("spot"))))["aws_pools"].values()

    assert pool["windows"] == [{"start": "2026-12-01T00:00:00Z", "end": at(6.25).strftime("%Y-%m-%dT%H:%M:%SZ")}]
