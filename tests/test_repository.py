"""The repository as an object: what the wheel holds, what is pinned, what is documented."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import click
import pytest
from answer_builders import rich_answer

from advisor.cli.main import COMMANDS, cli
from advisor.outputs.files import file_content
from advisor.settings import Settings

ROOT = Path(__file__).parents[1]
PACKAGES = {"advisor", "pricing", "solver", "api"}
TRACKED_SUFFIXES = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".csv", ".tf", ".hcl", ".json"}


def commands_below(group: click.Group, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List every command with the words that call it."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*words, name))
        if isinstance(command, click.Group):
            found += commands_below(command, (*words, name))
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_an_unpacked_wheel_writes_the_terraform_folder(wheel, tmp_path):
    """Away from the checkout, in an empty folder, an answer's Terraform folder is the same as from the checkout."""
    wheel.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    stored = tmp_path / "answer.json"
    stored.write_text(rich_answer().model_dump_json(), encoding="utf-8")
    program = (
        "import sys; from pathlib import Path; from advisor.outputs.files import file_content;"
        "from advisor.recommendation import Recommendation;"
        "answer = Recommendation.model_validate_json(Path(sys.argv[1]).read_bytes());"
        "sys.stdout.buffer.write(file_content(answer, 'terraform.zip'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, stored],
        check=True,
        capture_output=True,
        cwd=tmp_path / "empty",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )

    assert done.stdout == file_content(rich_answer(), "terraform.zip")


def test_the_wheel_holds_exactly_the_four_packages(wheel):
    """A built wheel carries our packages and its own metadata, tables of facts included, and nothing else."""
    names = wheel.namelist()
    top = {name.split("/")[0] for name in names}

    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
    assert {
        "pricing/data/gpus.csv",
        "pricing/data/reference_prices.csv",
        "advisor/outputs/html/style.css",
        "advisor/plan/data/starter.yaml",
        "advisor/py.typed",
    } <= set(names)


def test_exactly_the_four_packages_are_declared():
    """The wheel's packages are listed by name, and it cannot be uploaded by mistake."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]


def test_every_dependency_is_pinned_and_no_index_is_named():
    """Each line of the constraints is name==version; every declared dependency has one."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["dependencies"] + [d for extra in project["optional-dependencies"].values() for d in extra]
    names = {re.split(r"[\[<>=,]", d)[0].lower().replace("_", "-") for d in declared}

    assert not [line for line in lines if not re.fullmatch(r"[a-z0-9._-]+(\[[a-z,]+\])?==[\w.!+]+", line)]
    assert names <= {re.split(r"[\[=]", line)[0].lower().replace("_", "-") for line in lines}


def test_every_command_is_in_the_readme():
    """A command without a word in the README fails, and so does a help without an example."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = [line for line in readme.splitlines() if line.startswith("| `advisor ")]

    for words in commands_below(cli):
        rows = [row for row in table if re.search(rf"`advisor {words[0]}\b", row)]
        assert rows, f"advisor {' '.join(words)} is not in the README's table"
        assert all(any(word in row for row in rows) for word in words), words
    assert {words[0] for words in commands_below(cli)} == set(COMMANDS)


def test_every_setting_is_in_the_readme():
    """The settings table names every variable that is read."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert not [name for name in Settings.model_fields if f"| `ADVISOR_{name.upper()}` |" not in readme]


def test_every_package_says_what_it_owns():
    """Each package with modules of its own has a README, or the one above it has a row for it."""
    for package in ROOT.glob("*/"):
        if package.name in PACKAGES and any(p.name != "__init__.py" for p in package.glob("*.py")):
            assert (package / "README.md").is_file(), package.name


def test_no_file_names_a_machine_or_a_package_index():
    """Nothing that is committed holds an absolute path of a home folder or the address of a package index."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\n") if Path(name).suffix in TRACKED_SUFFIXES]
    secret = re.compile(r"(/home/[a-z]|/root/|/Users/[A-Za-z]|://[\w.]*pypi\.|files\.pythonhosted)")
    guilty = [p.name for p in paths if p.is_file() and p != Path(__file__) and secret.search(p.read_text("utf-8"))]

    assert not guilty
