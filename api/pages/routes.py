"""The pages: what is stored and on its way, a form for a new plan, and one plan's answer."""

import secrets
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from advisor.archive import Archive
from advisor.errors import DocumentInvalid
from advisor.outputs import phrases
from advisor.outputs.digest import by_job, headline, next_steps, price_ages, savings_phrase, segment_costs
from advisor.outputs.files import written_names
from advisor.plan.load import LoadedPlan
from advisor.plan.reader import read_text
from advisor.recommendation import Recommendation
from advisor.service import DEFAULT_TIME_LIMIT_S
from advisor.settings import Settings
from api.bodies import loaded_plan, refuse_broken_text
from api.dependencies import DeskOf, SettingsOf
from api.desk import Task
from api.pages.page import page
from api.problems import Problem, problem_of

router = APIRouter(include_in_schema=False)

MOST_LISTED = 200
FORM_TYPE = "application/x-www-form-urlencoded"


@router.get("/")
def plans(request: Request, chosen: SettingsOf, desk: DeskOf) -> Response:
    """List what is on its way and what is stored."""
    with closing(Archive.open(chosen.database_url)) as archive:
        stored = archive.page(MOST_LISTED)
    active = [task for task in desk.active() if task.id.startswith("rec_")]
    return page(request, "plans.html", stored=stored, active=active, most=MOST_LISTED, phrases=phrases, usd=_usd)


def _usd(cents: int | None) -> str:
    from pricing.money import cents_text

    return "none" if cents is None else phrases.usd(cents_text(cents))


@router.get("/new")
def new(request: Request) -> Response:
    """Show the form, filled with the plan that `advisor init` writes."""
    from importlib.resources import files

    text = files("advisor.plan").joinpath("data/starter.yaml").read_text(encoding="utf-8")
    return page(request, "new.html", text=text, problem=None)


@router.post("/plans")
async def make(request: Request, chosen: SettingsOf, desk: DeskOf) -> Response:
    """Take a plan from the form: to its page, or back to the form with what is wrong."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Problem("unsupported-media-type", f"The page's form sends {FORM_TYPE}; programs use /v1/plans.")
    raw = await request.body()
    now = datetime.now(UTC)
    text = ""
    try:
        text = parse_qs(raw.decode("utf-8"), max_num_fields=10).get("plan", [""])[0]
        document, loaded = await run_in_threadpool(_read, text, now, chosen)
        task = Task(id=f"rec_{secrets.token_hex(8)}", request={}, created_at=now, label=loaded.plan.name)
        task.request = _work(task.id, document, now, chosen)
        desk.submit(task)
    except UnicodeDecodeError:
        problem = Problem("broken-document", "The form is not UTF-8 text.")
    except (DocumentInvalid, Problem) as error:
        problem = problem_of(error)
    else:
        return RedirectResponse(f"/plans/{task.id}", 303)
    shown = page(request, "new.html", text=text, problem=problem)
    shown.status_code = problem.status
    return shown


def _read(text: str, now: datetime, chosen: Settings) -> tuple[Any, LoadedPlan]:
    document = read_text(text, "plan")
    refuse_broken_text(document)
    return document, loaded_plan(document, now, chosen)


def _work(name: str, document: Any, now: datetime, chosen: Settings) -> dict[str, Any]:
    limit = min(DEFAULT_TIME_LIMIT_S, chosen.max_time_limit_s)
    work = {"task": "plan", "id": name, "plan": document, "as_of": now.isoformat(), "prices": None, "seed": 0}
    return work | {"time_limit_s": limit, "settings": chosen.model_dump()}


@router.get("/plans/{id}")
def read(request: Request, chosen: SettingsOf, desk: DeskOf, id: str) -> Response:  # noqa: A002
    """Show a plan's answer, or how far it is; a page that waits asks again by itself."""
    with closing(Archive.open(chosen.database_url)) as archive:
        answer = archive.get(id)
    task = desk.tasks.get(id)
    if answer is not None:
        return page(request, "plan.html", **_shown(answer))
    if task is None:
        return page(request, "none.html", name=id)
    shown = page(request, "waiting.html", task=task)
    if task.state in {"queued", "running"}:
        shown.headers["Refresh"] = "2"
    return shown


def _shown(answer: Recommendation) -> dict[str, Any]:
    return {
        "answer": answer,
        "headline": headline(answer),
        "saved": savings_phrase(answer.savings),
        "ages": price_ages(answer),
        "steps": next_steps(answer),
        "segments": list(zip(answer.segments, segment_costs(answer), strict=True)),
        "sums": by_job(answer),
        "files": written_names(),
        "phrases": phrases,
    }
