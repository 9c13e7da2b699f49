"""Text of unknown encoding."""

from __future__ import annotations

import codecs
import contextlib


def decode_text(raw: bytes) -> str:
    """Decode bytes of unknown encoding; vendors in China write GBK comments into ASCII headers."""
    if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode("utf-16").replace("\x00", "")
    raw = raw.replace(b"\x00", b"")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
