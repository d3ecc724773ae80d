"""The parts of a page: sections that contain text, tables and charts. page.html.j2 renders them as HTML."""

import dataclasses
from typing import Any, Literal

from components.common.stored_record import finite_or_none

Tone = Literal["plain", "good", "bad", "quiet"]
Series = Literal["candidate", "baseline", "served", "training", "validation"]
Finding = Literal["good", "bad", "reference", "candidate"]  # the colours of intervals


@dataclasses.dataclass(frozen=True)
class TextBlock:
    """A paragraph."""

    text: str
    tone: Tone = "plain"
    kind: Literal["text"] = "text"


@dataclasses.dataclass(frozen=True)
class Link:
    """A cell of a table that links to another page.

    Attributes:
        text: what is shown.
        address: where it leads: a relative URL, percent-encoded.
    """

    text: str
    address: str


Cell = str | Link
# On a phone, the cells of a row are below each other if there are more columns, or if a long word would be broken.
MAX_SIDE_BY_SIDE = 3
_MAX_WORD = 16


@dataclasses.dataclass(frozen=True)
class TableBlock:
    """A table whose cells are text or links; the first cell of each row is the row's header.

    Attributes:
        caption: the title of the table.
        headers: the column headers.
        rows: the cells of each row, as many as there are headers.
        summary: if not empty, the table is collapsed under this line (`<details>`).
        text_columns: the indices of the columns that contain text instead of numbers; the first always does.
        bad_rows, good_rows: the indices of the rows to highlight.
    """

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    summary: str = ""
    text_columns: tuple[int, ...] = ()
    bad_rows: tuple[int, ...] = ()
    good_rows: tuple[int, ...] = ()
    kind: Literal["table"] = "table"

    @property
    def is_stacked(self) -> bool:
        """Whether a phone shows the cells of a row below each other, so that nobody scrolls to read a number."""
        return len(self.headers) > MAX_SIDE_BY_SIDE or (
            len(self.headers) == MAX_SIDE_BY_SIDE
            and any(len(word) > _MAX_WORD for row in self.rows for word in str(row[0]).split())
        )


@dataclasses.dataclass(frozen=True)
class PreformattedBlock:
    """Preformatted text, collapsed under the line `summary`."""

    summary: str
    text: str
    kind: Literal["pre"] = "pre"


@dataclasses.dataclass(frozen=True)
class ChartLine:
    """A line through points. One point with `dots` is a larger dot, in the legend too.

    Attributes:
        name: its name in the legend.
        series: selects the colour.
        x, y: the coordinates of the points; the line has a gap where a coordinate is None or not finite.
        dash: whether the line is dashed, to distinguish it from another line of the same colour.
        dots: whether each point is marked with a dot.
        joined: whether a line connects the points; without it, the dots are small.
        low, high: the interval of each point, drawn as a vertical line; empty: there are none.
    """

    name: str
    series: Series | Literal["reference"]
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]
    dash: bool = False
    dots: bool = False
    joined: bool = True
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclasses.dataclass(frozen=True)
class ChartHistogram:
    """A histogram: the bar between `edges[i]` and `edges[i + 1]` has the height `heights[i]`."""

    name: str
    series: Series
    edges: tuple[float, ...]
    heights: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class ChartDots:
    """One dot on each level of the chart, at `x`; a line connects the dots of a level."""

    name: str
    series: Series
    x: tuple[float | None, ...]
    hollow: bool = False


@dataclasses.dataclass(frozen=True)
class ChartInterval:
    """A value with its interval on one level of a forest plot.

    Attributes:
        value, low, high: the value and its interval; None where it is undefined.
        limit: a limit of the value, marked by a short vertical line; None: there is none.
        finding: selects the colour.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    finding: Finding = "reference"


@dataclasses.dataclass(frozen=True)
class ChartCells:
    """A square for each pair of a level of the chart and a column; the larger the share, the darker it is.

    Attributes:
        columns: the categories of the horizontal axis, from left to right.
        shares: by level and column, from 0 to 1; None where it is undefined.
        texts: what is written into the squares, likewise.
    """

    columns: tuple[str, ...]
    shares: tuple[tuple[float | None, ...], ...]
    texts: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart with its description in text.

    Attributes:
        id: unique in the page.
        text: a description of the content, for readers who can't see the chart.
        lines, bars, dots, intervals: what is drawn.
        cells: the squares of a matrix; None: it is no matrix.
        levels: the categories of the vertical axis, from top to bottom, for `dots`, `cells` and `intervals`; each level
            has one interval.
        mark: a position on the horizontal axis to mark with a vertical line, and its name.
        square: whether both axes range from 0 to 1, as for ROC curves.
        small, half: whether such charts are placed side by side if the page is wide enough: three or two in a line.
        log_x, log_y: whether the axis is logarithmic.
        x_range, y_range: the ranges of the axes; None: the range of the data.
        floor: the lower end of the bars, which must be above 0 on a logarithmic axis.
    """

    id: str
    title: str
    text: str
    x_label: str
    y_label: str
    lines: tuple[ChartLine, ...] = ()
    bars: tuple[ChartHistogram, ...] = ()
    dots: tuple[ChartDots, ...] = ()
    intervals: tuple[ChartInterval, ...] = ()
    cells: ChartCells | None = None
    levels: tuple[str, ...] = ()
    mark: tuple[float, str] | None = None
    square: bool = False
    small: bool = False
    half: bool = False
    log_x: bool = False
    log_y: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    floor: float = 0.0
    kind: Literal["chart"] = "chart"

    @property
    def findings(self) -> tuple[tuple[Finding, str], ...]:
        """The colours of the intervals that occur, with their meanings, for the legend."""
        names: tuple[tuple[Finding, str], ...] = (
            ("good", "better"),
            ("bad", "worse"),
            ("reference", "no clear difference"),
            ("candidate", "value and interval"),
        )
        return tuple(pair for pair in names if any(item.finding == pair[0] for item in self.intervals))

    @property
    def has_limits(self) -> bool:
        """Whether an interval has a limit."""
        return any(item.limit is not None for item in self.intervals)


Block = TextBlock | TableBlock | PreformattedBlock | Chart


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page under a heading.

    Attributes:
        id: its anchor in the page.
        title: its heading.
        blocks: its content.
        summary: if not None, the section is collapsed, and this line with its main number is shown beside the heading.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    summary: str | None = None


def charts_of(sections: tuple[Section, ...]) -> list[dict[str, Any]]:
    """Returns all charts of the sections as JSON values, with None in place of NaN and infinity."""
    charts = [block for section in sections for block in section.blocks if isinstance(block, Chart)]
    plain: list[dict[str, Any]] = _finite([dataclasses.asdict(chart) for chart in charts])
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return finite_or_none(value)
