"""The document around raw HTML and SVG: shown in a frame with an opaque origin, which tells its height."""

from __future__ import annotations

_HEIGHT = """
const tell = () => parent.postMessage({ cascadeHeight: Math.ceil(document.documentElement.scrollHeight) }, "*");
new ResizeObserver(tell).observe(document.documentElement);
addEventListener("load", tell);
tell();
"""
_STYLE = """
:root { color-scheme: light dark; }
html { height: auto; }
body { margin: 0; padding: 2px; font: 14px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
svg, img { max-width: 100%; }
table { border-collapse: collapse; } td, th { padding: 4px 8px; border: 1px solid #8884; }
"""


def framed(markup: str) -> str:
    """A whole document that shows `markup` as its author wrote it, scripts included."""
    return (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"<style>{_STYLE}</style></head><body>{markup}<script>{_HEIGHT}</script></body></html>"
    )
