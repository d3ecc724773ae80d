"""Renders sections as one HTML file that needs no other file and no network."""

import base64
import hashlib
import json
import re
from functools import cache
from importlib import resources, util
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from components.report.blocks import Section, charts_of

_TEMPLATES = "components.report"
_BOKEH = ("bokeh.min.js", "bokeh-api.min.js")


def render_page(title: str, sections: tuple[Section, ...], subtitle: str = "") -> str:
    """Returns the page as HTML. The same sections give the same page; its first paragraph is the headline.

    Args:
        title: the heading of the page.
        sections: its content.
        subtitle: a line below the heading; may be empty.
    """
    charts = charts_of(sections)
    # The content security policy allows only these scripts, by their hashes: a script injected by data does not run.
    folds = any(section.summary is not None for section in sections)
    scripts = [
        *([_asset("folds.js")] if folds else []),
        *([*_bokeh(), _asset("charts.js")] if charts else []),
    ]
    return _template().render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        style=Markup(_asset("page.css")),
        charts=Markup(script_json(charts)) if charts else "",
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
    )


def script_json(value: Any) -> str:
    """Returns JSON that is safe in a <script> element: no text in it can close the element or open another one."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    # BokehJS adds inline styles to the page when it draws.
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _template() -> jinja2.Template:
    engine = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters["with_code"] = _with_code
    return engine.get_template("page.html.j2")


def _with_code(text: str) -> Markup:
    """Returns the text as HTML; what is between backticks, such as a command, becomes a <code> element."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


@cache
def _asset(name: str) -> str:
    return (resources.files(_TEMPLATES) / "templates" / name).read_text(encoding="utf-8")


@cache
def _bokeh() -> tuple[str, ...]:
    """Returns the BokehJS scripts from the Python package, without importing it, which would take a second."""
    spec = util.find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'bokeh', which the charts of the report need.")
    folder = Path(spec.origin).parent / "server" / "static" / "js"
    return tuple(_inline((folder / name).read_text(encoding="utf-8")) for name in _BOKEH)


def _inline(script: str) -> str:
    """Returns the script in a form that is safe inside a <script> element, without the link to its source map."""
    script = re.sub(r"\n//# sourceMappingURL=\S*", "", script).replace("\r\n", "\n")
    return re.sub(r"<(?=/script|!--)", r"\\x3c", script, flags=re.IGNORECASE)
