"""Write the parts of the documentation that come from the registries: ``python docs/make_tables.py``."""

from __future__ import annotations

import re
from pathlib import Path

from gprscan import steps
from gprscan.cli.steps import parameters
from gprscan.io import registry

ROOT = Path(__file__).resolve().parent.parent


def short_formats() -> str:
    """Return the table of the README: formats, extensions and what reading was checked on."""
    rows = ["| format | read | write | reading |", "|---|---|---|---|"]
    rows += [
        f"| {entry.title} | {code(entry.suffixes)} | {code(entry.write_suffixes)} | {entry.maturity} |"
        for entry in registry.list_formats()
    ]
    return "\n".join(rows)


def formats_page() -> str:
    """Return the page about formats."""
    parts = [
        "# Formats",
        "",
        "Made by `python docs/make_tables.py` from the registry of readers; `gprscan formats` prints the same.",
        "A file is recognised by its content first and its extension second. What a reader notices becomes a finding",
        "on the line (`gprscan info FILE`, `line.gpr.findings`); what cannot be trusted raises. Byte layouts are in",
        "`src/gprscan/io/specs/`.",
        "",
    ]
    for entry in registry.list_formats():
        parts += [
            f"## {entry.title}",
            "",
            f"- name: `{entry.name}`",
            f"- extensions: {code(entry.suffixes)}",
            f"- side files: {code(entry.side_suffixes)}",
            f"- written: {code(entry.write_suffixes)}",
            f"- reading: {entry.maturity}",
        ]
        parts += [f"- {entry.note}"] if entry.note else []
        parts.append("")
    return "\n".join(parts)


def steps_page() -> str:
    """Return the page about steps."""
    parts = [
        "# Steps",
        "",
        "Made by `python docs/make_tables.py` from the registry of steps; `gprscan steps` prints the same, and",
        "`gprscan steps NAME` the whole documentation of one. A step is a function (`gprscan.filters.dewow(line)`), a",
        'method (`line.gpr.dewow()`), and an entry of a recipe (`step = "dewow"`). *Cut* says how a long line may be cut:',
        "`twt` trace by trace, `halo` in blocks with an overlap, `whole_line` not at all.",
        "",
        "| step | parameters | cut | what it does |",
        "|---|---|---|---|",
    ]
    for entry in steps.list_steps():
        given = parameters(entry).replace("|", "\\|")
        parts.append(f"| `{entry.name}` | {f'`{given}`' if given else ''} | {entry.cut} | {entry.summary} |")
    return "\n".join([*parts, ""])


def code(names: tuple[str, ...]) -> str:
    """Return names as code, or a dash."""
    return " ".join(f"`{name}`" for name in names) or "–"


def with_block(text: str, name: str, block: str) -> str:
    """Return a text in which the block between two markers is replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end of {name} -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}\n{block}\n{match[2]}", text)


def pages() -> dict[Path, str]:
    """Return the content of every page that comes, as a whole or in part, from a registry."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "formats.md": formats_page(),
        ROOT / "docs" / "steps.md": steps_page(),
        readme: with_block(readme.read_text("utf-8"), "formats", short_formats()),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
