"""What users see of one rich recommendation, byte by byte; ADVISOR_UPDATE_GOLDEN=1 writes it anew."""

import io
import os
from pathlib import Path

import pytest
from answer_builders import no_answer, rich_answer
from rich.console import Console

from advisor.outputs.files import FILES
from advisor.outputs.launch import launch_files
from advisor.outputs.terminal import render
from advisor.outputs.terraform import terraform_files
from advisor.recommendation import Recommendation

GOLDEN = Path(__file__).parents[2] / "golden"


def shown(answer: Recommendation, width: int = 80, encoding: str = "utf-8") -> str:
    """Render without colour to a stream of this encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    render(answer, Console(file=stream, width=width, color_system=None))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def one_text(folder: dict[str, bytes]) -> str:
    """Set the files of a folder below one another, each under its path."""
    return "\n".join(f"==> {name} <==\n{content.decode()}" for name, content in folder.items())


CASES = {
    "rich_answer.80.txt": lambda: shown(rich_answer()),
    "rich_answer.120.txt": lambda: shown(rich_answer(), 120),
    "rich_answer.ascii.txt": lambda: shown(rich_answer(), encoding="ascii"),
    "infeasible.80.txt": lambda: shown(no_answer("infeasible")),
    "undecided.80.txt": lambda: shown(no_answer("undecided")),
    "infeasible.report.html": lambda: FILES["report.html"](no_answer("infeasible")),
    "infeasible.report.md": lambda: FILES["report.md"](no_answer("infeasible")),
    "rich_answer.plan.auto.tfvars.json": lambda: str(terraform_files(rich_answer())["plan.auto.tfvars.json"], "utf-8"),
    "rich_answer.NOTICE.md": lambda: str(terraform_files(rich_answer())["NOTICE.md"], "utf-8"),
    "rich_answer.launch.txt": lambda: one_text(launch_files(rich_answer())),
    **{f"rich_answer.{name}": lambda write=write: write(rich_answer()) for name, write in FILES.items()},
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str):
    """The output is the reviewed one, byte by byte."""
    text, path = CASES[name](), GOLDEN / name
    if os.environ.get("ADVISOR_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")

    assert path.read_text(encoding="utf-8") == text


def test_document_reads_back():
    """recommendation.json holds the whole recommendation: read back, it is the same one."""
    answer = rich_answer()

    assert Recommendation.model_validate_json(FILES["recommendation.json"](answer)) == answer
