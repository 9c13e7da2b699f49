"""Words of the report in Chinese and English, from ``words.toml``."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

from markupsafe import Markup

from gprscan import names
from gprscan.errors import ParameterError

Language = Literal["zh", "en", "both"]
LANGUAGES = ("zh", "en", "both")
DASH = "–"


@functools.cache
def _dictionary() -> dict[str, Any]:
    return tomllib.loads((resources.files("gprscan.report") / "words.toml").read_text("utf-8"))


class Words:
    """The words of one report.

    Parameters
    ----------
    lang : {"zh", "en", "both"}
        Language; with both, Chinese comes first.

    Raises
    ------
    ParameterError
        If there is no such language.
    """

    def __init__(self, lang: str) -> None:
        if lang not in LANGUAGES:
            msg = f"lang is {lang!r}; it must be one of {', '.join(LANGUAGES)}."
            raise ParameterError(msg)
        self.languages = ("zh", "en") if lang == "both" else (lang,)

    def __call__(self, key: str, **values: Any) -> Markup:
        """Return the words of a key as HTML; whatever is filled in is escaped."""
        return self.pick(_dictionary()[key], **values)

    def pick(self, texts: Mapping[str, str], **values: Any) -> Markup:
        """Return texts by language as HTML, one span per language."""
        spans = []
        for language in self.languages:
            text = texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
            if values:
                text = text.format(**values)
            tag = {"zh": "zh-CN"}.get(language, language)
            spans.append(Markup('<span lang="{}">{}</span>').format(tag, text))
        return Markup('<span class="w">{}</span>').format(Markup(" ").join(spans))

    def plain(self, key: str, **values: Any) -> str:
        """Return the words of a key as plain text."""
        texts = _dictionary()[key]
        return " / ".join(texts[language].format(**values) for language in self.languages)

    def kind(self, kind: object) -> Markup:
        """Return the name of a kind, or of a variant of one."""
        variant = _dictionary()["variants"].get(str(kind))
        if variant:
            return self.pick(variant)
        english = _dictionary()["kinds"].get(str(kind), str(kind))
        return self.pick({"en": english, "zh": names.KINDS.get(str(kind), str(kind))})

    def feature(self, name: str) -> Markup:
        """Return the words of a measured feature; its own name where it has none."""
        known = _dictionary()["features"].get(name)
        return self.pick(known) if known else Markup('<span class="soft">{}</span>').format(name)

    def reference(self, name: object) -> Markup:
        """Return the sentence that names the wave to which a polarity refers."""
        texts = _dictionary()["polarity_reference"]
        known = _dictionary()["references"].get(str(name), {})
        return self.pick({lang: text.format(reference=known.get(lang, name)) for lang, text in texts.items()})

    def measured(self, name: str, value: Any) -> str:
        """Return a measured value with its unit, in the decimals that it deserves."""
        entry = _dictionary()["features"].get(name, {})
        if isinstance(value, bool) or not isinstance(value, int | float):
            return DASH if value is None else str(value)
        if not entry:
            return f"{value:.4g}"
        return f"{value:.{entry['digits']}f}{'' if entry['unit'] in ('', '°') else ' '}{entry['unit']}"


def fixed(value: Any, digits: int = 2) -> str:
    """Return a number with so many decimals, a dash where it is not known."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return DASH
    return f"{number:.{digits}f}" if math.isfinite(number) else DASH


def plus_minus(value: Any, sigma: Any, digits: int = 2) -> str:
    """Return ``value ± sigma``, without the latter where it is not known."""
    text, error = fixed(value, digits), fixed(sigma, digits)
    return text if DASH in (text, error) else f"{text} ± {error}"
