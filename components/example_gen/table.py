"""The shape of the table: its files, its features, its label, and what is left out of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.common.errors import DataRefused
from components.common.suggestions import closest
from components.config.data import MAX_FEATURES, DataConfig
from components.example_gen import labels, parquet
from components.example_gen.csv_header import Head, read_head
from components.example_gen.input_files import Located, locate, quoted
from components.example_gen.type_inference import Evidence, gather


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table whose shape is known.

    Attributes:
        heads: the files, sorted by path.
        columns: the names of all columns, in the first file's order.
        features: the columns to learn from: as listed in data.features, otherwise in the first file's order.
        labels: the label's name and its two values.
        left_out: columns that are neither features nor the label nor in data.ignore.
        span: the newest span read; None without {SPAN} in data.input.
        warnings: sentences for the person who owns the data.
    """

    heads: tuple[Head, ...]
    columns: tuple[str, ...]
    features: tuple[str, ...]
    labels: labels.Labels
    left_out: tuple[str, ...]
    span: int | None
    warnings: tuple[str, ...]

    @property
    def is_parquet(self) -> bool:
        """Whether the files are Parquet; otherwise they are CSV."""
        return not self.heads[0].delimiter

    @property
    def delimiter(self) -> str:
        """The first CSV file's delimiter; '' for Parquet."""
        return self.heads[0].delimiter


@dataclass(frozen=True, kw_only=True)
class TableReport:
    """What `regpipe init` needs to know of a table.

    Attributes:
        files: the paths.
        columns: all names.
        numeric: columns other than the label that hold numbers.
        text: columns other than the label that hold text throughout, or times, or lists.
        label_values: the label's values, commonest first; of very many, those seen first.
        needs_positive_label: there are two values, and nothing says which of them counts as 1.
        delimiter: of the first CSV file; '' for Parquet.
        span: the newest span.
        warnings: sentences about what is left out.
    """

    files: tuple[str, ...]
    columns: tuple[str, ...]
    numeric: tuple[str, ...]
    text: tuple[str, ...]
    label_values: tuple[str, ...]
    needs_positive_label: bool
    delimiter: str
    span: int | None
    warnings: tuple[str, ...]


def find_table(settings: DataConfig) -> Table:
    """Finds the files and decides which columns are features and what the label's values mean.

    Raises:
        DataRefused: the table can't be used; the message says why.
    """
    located, heads = _heads(settings)
    columns = heads[0].columns
    _expect_column(settings.label, "data.label", heads[0])
    for name in settings.features:
        _expect_column(name, "data.features", heads[0])
    others = [name for name in columns if name and name != settings.label and name not in settings.ignore]
    evidence = gather(heads, () if settings.features else others, settings)
    features = settings.features or tuple(_numeric(others, evidence))
    left_out = () if settings.features else tuple(name for name in others if name not in features)
    if not features:
        found = f"only columns without numbers: {quoted(others)}" if others else "no other column"
        raise DataRefused(
            f"{heads[0].path}: expected a column of numbers besides the label {settings.label!r}, "
            f"found {found}."
        )
    if len(features) > MAX_FEATURES:
        raise DataRefused(
            f"{heads[0].path}: expected at most {MAX_FEATURES:,} features, found {len(features):,}. "
            "List some in data.features or leave some out with data.ignore."
        )
    return Table(
        heads=heads,
        columns=columns,
        features=features,
        left_out=left_out,
        span=located.span,
        labels=labels.decide(evidence.label_counts, settings),
        warnings=_warnings(heads[0], left_out, evidence),
    )


def inspect_table(settings: DataConfig) -> TableReport:
    """Looks at a table without insisting on a usable label; `settings.features` is not regarded.

    Raises:
        DataRefused: the files can't be read, or the label's column is missing.
    """
    located, heads = _heads(settings)
    _expect_column(settings.label, "data.label", heads[0])
    others = [
        name for name in heads[0].columns if name and name != settings.label and name not in settings.ignore
    ]
    evidence = gather(heads, others, settings)
    numeric = tuple(_numeric(others, evidence))
    text = tuple(name for name in others if name not in numeric)
    values = sorted(labels.merge(evidence.label_counts).values(), key=lambda value: -value[1])
    settled = settings.positive_label is not None or labels.is_settled(evidence.label_counts, None)
    return TableReport(
        files=located.paths,
        columns=heads[0].columns,
        numeric=numeric,
        text=text,
        label_values=tuple(spelling for spelling, _ in values),
        needs_positive_label=len(values) == 2 and not settled,
        delimiter=heads[0].delimiter,
        span=located.span,
        warnings=_warnings(heads[0], text, evidence),
    )


def _heads(settings: DataConfig) -> tuple[Located, tuple[Head, ...]]:
    located = locate(settings)
    heads = tuple(
        parquet.read_head(path) if located.is_parquet else read_head(path, settings) for path in located.paths
    )
    for head in heads:
        repeated = [name for name, times in Counter(head.columns).items() if name and times > 1]
        if repeated:
            raise DataRefused(
                f"{head.path}: expected column names that differ, found {quoted(repeated)} more than once."
            )
        _expect_same_columns(heads[0], head)
    return located, heads


def _expect_same_columns(first: Head, other: Head) -> None:
    expected, found = set(first.columns), set(other.columns)
    missing = [name for name in first.columns if name and name not in found]
    added = [name for name in other.columns if name and name not in expected]
    if missing:
        raise DataRefused(
            f"{other.path}: expected the columns of {first.path}, but {quoted(missing)} is missing."
        )
    if added:
        raise DataRefused(
            f"{other.path}: expected the columns of {first.path}, but found {quoted(added)} as well."
        )


def _expect_column(name: str, key: str, head: Head) -> None:
    named = [column for column in head.columns if column]
    if name in named:
        return
    meant = closest(name, named)
    hint = f" Did you mean {meant!r}?" if meant else ""
    raise DataRefused(
        f"{head.path}: expected a column {name!r} ({key}), found {quoted(named, most=20)}.{hint}"
    )


def _numeric(names: Sequence[str], evidence: Evidence) -> list[str]:
    # A column without any value is a feature too: the data gate, not a silent omission, tells of it.
    return [
        name
        for name in names
        if name not in evidence.others and (name in evidence.numbers or name not in evidence.text)
    ]


def _warnings(head: Head, left_out: Sequence[str], evidence: Evidence) -> tuple[str, ...]:
    warnings = []
    unnamed = [str(index) for index, name in enumerate(head.columns, 1) if not name]
    if unnamed:
        warnings.append(f"Left out, because it has no name: column {', '.join(unnamed)} of {head.path}.")
    text = [name for name in left_out if name not in evidence.others]
    if text:
        warnings.append(f"Left out, because they hold text throughout: {quoted(text, most=20)}.")
    if evidence.others:
        typed = [f"{name!r} ({kind})" for name, kind in sorted(evidence.others.items())]
        warnings.append(f"Left out, because they are neither numbers nor text: {', '.join(typed[:20])}.")
    return tuple(warnings)
