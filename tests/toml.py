"""Plain dicts as TOML, for tests that make files wrong on purpose."""

from __future__ import annotations

import json
from typing import Any


def as_toml(content: dict[str, Any]) -> str:
    """Return nested dicts and lists of dicts as TOML; tables last, since keys after a table would belong to it."""
    plain = {key: value for key, value in content.items() if not _is_table(value)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for table, entries in content.items():
        if _is_table(entries):
            for entry in entries if isinstance(entries, list) else [entries]:
                lines.append(f"[[{table}]]" if isinstance(entries, list) else f"[{table}]")
                lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))
