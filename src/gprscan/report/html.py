"""``report.html``: one file that opens without a network and runs nothing but its own scripts."""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import json
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gprscan.report import maps, pipes, review, walls
from gprscan.report import survey_facts as facts
from gprscan.report.bodies import MAX_CARDS, Bodies
from gprscan.report.tables import clean
from gprscan.report.words import Words, fixed

if TYPE_CHECKING:
    import jinja2

    from gprscan.report.result import SurveyResult

_GLOSSARY = (
    "g_cavity", "g_debond", "g_loose", "g_water_rich", "g_top_depth", "g_radargram", "g_twt", "g_trace_spacing",
    "g_multiples", "g_penetration", "g_verification",
)  # fmt: skip


# what the templates ask for; a run from elsewhere may not say all of it
_RUN = (
    "survey", "gprscan", "python", "platform", "libraries", "started", "finished", "recipe", "recipe_sha256",
)  # fmt: skip
_RECIPE = ("name", "summary", "process", "migrate", "detect")
_ENTRY = ("path", "sha256", "status", "seconds", "error")


def render(result: SurveyResult, out: Path, lang: str = "both") -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    result : SurveyResult
        What was found.
    out : Path
        Output folder, in which the pictures are.
    lang : {"zh", "en", "both"}
        Language.
    """
    content = _content(result, Words(lang), out)
    return clean(_environment().get_template("report.html.j2").render(**content))


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gprscan.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["fixed"] = fixed
    return environment


def _content(result: SurveyResult, words: Words, out: Path) -> dict[str, Any]:
    bodies = Bodies(result, words, out)
    lines = facts.lines_of(result)
    sums = facts.totals(result, lines)
    first, more = facts.urgent(bodies)
    cards = bodies.cards()
    scripts = [_asset("leaflet.js"), _asset("report.js")]
    used = [line for line in lines if line["status"] == "ok"]
    manifest = [{**dict.fromkeys(_ENTRY), **entry} for entry in result.manifest]
    recipe = result.run.get("recipe")
    run = {**dict.fromkeys(_RUN), **result.run}
    run["recipe"] = {**dict.fromkeys(_RECIPE), **(recipe if isinstance(recipe, dict) else {"name": recipe})}
    return {
        "t": words,
        "facts": facts,
        "run": run,
        "crs": bodies.crs,
        "finished": _moment(run["finished"]),
        "scheme": bodies.scheme,
        "sums": sums,
        "rows": bodies.rows,
        "hazards": sum(row["hazard"] for row in bodies.rows),
        "counts": facts.counts(bodies, words),
        "reviews": _reviews(result),
        "urgent": first,
        "urgent_more": more,
        "cards": cards,
        "pictured": sum(bool(card["pictures"]) for card in cards),
        "cards_cut": len(bodies.carded) > MAX_CARDS,
        "lines": lines,
        "segments": pipes.segments(result, bodies, out),
        "structures": walls.structures(result, bodies),
        "clock_text": pipes.clock_text,
        "seen_text": pipes.seen_text,
        "span_text": pipes.span_text,
        "linked_text": pipes.linked_text,
        "detectability": facts.detectability(used),
        "findings": facts.findings(used, result.manifest),
        "limits": facts.limits(bodies, lines, sums, words),
        "grading_notes": facts.grading_notes(bodies, words),
        "manifest": manifest,
        "failed": [entry for entry in manifest if entry["status"] == "failed"],
        "map": maps.leaflet_data(result, bodies),
        "drawing": maps.drawing(result, bodies),
        "plans": maps.plans(lines, bodies),
        "max_labels": maps.MAX_LABELS,
        "glossary": [words(key) for key in _GLOSSARY],
        "parameters": _parameters,
        "styles": _styles(),
        "scripts": scripts,
        "policy": _policy(scripts),
    }


def _reviews(result: SurveyResult) -> dict[str, Any]:
    counts = review.counts(result)
    judged = sum(n for name, n in counts.items() if name != review.OPEN)
    return {"any": judged > 0 or bool(result.lost_reviews), "counts": counts, "lost": result.lost_reviews}


def _moment(text: Any) -> str:
    """Return an ISO time as date and minute in UTC, as it is where it is no such time."""
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return str(text or "?")
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def _parameters(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if key != "step"
    )


def _asset(name: str) -> Markup:
    """Return an asset of ours, or a vendored one, as it goes into the file."""
    text = (resources.files("gprscan.report") / "assets" / name).read_text("utf-8")
    # debuggers would look for the map of the source beside the report
    return Markup(re.sub(r"//# sourceMappingURL=\S*", "", text).strip())


def _styles() -> Markup:
    leaflet = _asset("leaflet.css")
    # its pictures (markers, a layers button) are not used, and are not in the file
    return Markup("\n").join([Markup(re.sub(r"url\([^)]*\)", "none", leaflet)), _asset("report.css")])


def _policy(scripts: list[Markup]) -> str:
    """Return a content security policy: no network, and no script but these."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    styles = "style-src 'unsafe-inline'; img-src data:"
    return f"default-src 'none'; script-src {allowed}; {styles}; base-uri 'none'; form-action 'none'"
