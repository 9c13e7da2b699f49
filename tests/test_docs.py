"""What the documentation says is what the registries say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from gprscan.cli.main import COMMANDS
from gprscan.io import registry
from gprscan.steps import list_recipes, list_steps

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))["pages"]()


@pytest.mark.parametrize("path", list(PAGES), ids=lambda path: path.name)
def test_pages_made_from_the_registries_are_up_to_date(path):
    assert path.read_text("utf-8") == PAGES[path], "run: python docs/make_tables.py"


def test_every_format_and_step_is_there():
    for entry in registry.list_formats():
        assert f"| {entry.title} |" in README
        assert entry.maturity in README
    steps = (ROOT / "docs" / "steps.md").read_text("utf-8")
    for entry in list_steps():
        assert f"| `{entry.name}` |" in steps


def test_links_in_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_first_screen_of_the_readme_has_what_a_newcomer_needs():
    first = README.split("## What comes out")[0]
    for part in ("docs/images/overview.png", "gprscan demo", "gprscan scan", "import gprscan as gs", "| format |"):
        assert part in first
    assert len(first.splitlines()) < 60


def test_the_commands_and_recipes_that_the_documentation_names_exist():
    pages = README + "".join(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))
    named = set(re.findall(r"gprscan ([a-z]+)\b", pages)) & {"demo", "info", "scan", "steps", "formats", "report"}
    assert named <= set(COMMANDS)
    assert "road" in {recipe.name for recipe in list_recipes()}


def test_ci_runs_the_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "<!-- tests -->" in script
    block = README.split("<!-- tests -->\n```bash\n")[1].split("\n```")[0]
    assert block.endswith("-m pytest")
    assert "requirements.lock" in block
