"""Makes the warnings that follow from the values of the table; those on columns that are left out are in `table`.

Each function yields one sentence for the owner of the data, or none.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from components.common.formatting import first_of, percent, plural
from components.config.split_settings import GROUP, ROW, SplitConfig
from components.example_gen.cell_parsing import FLOAT32_WHOLE
from components.example_gen.input_files import quoted
from components.example_gen.row_copies import RowCopies
from components.example_gen.whole_numbers import WholeNumbers
from components.tasks.task import Task

# Below this share, a model that ignores the rare class is right in 98% of the rows, and few rows show the rare class.
RARE_SHARE = 0.02
# With fewer rows of a class, the splits of 60:20:20 have on average fewer than six to learn from and two to judge by.
MIN_ROWS = 10
# So many copies of one row dominate the loss of similar rows, and many of them are in both train and test.
COPIES_SHARE = 0.05
# Hashes move a share of 60% of 1,000 rows by 1.5 points (one standard deviation), so 3 points are more than usual.
SPLIT_POINTS = 0.03
_MAX_NAMED = 5


def cut_off_warning(files: Sequence[str]) -> Iterator[str]:
    """Yields a sentence if files end in the middle of a row."""
    if files:
        yield (
            f"{plural(len(files), 'file ends', 'files end')} in the middle of a row, without a line end, so rows after "
            f"it may be missing: {first_of([*files], _MAX_NAMED)}. Was it copied, or exported, to its end?"
        )


def possible_ids(features: Sequence[str], known: WholeNumbers) -> tuple[str, ...]:
    """Returns the names of the features that may be ids; see `whole_number_warnings` for the arguments."""
    return tuple(features[index] for index in np.flatnonzero(known.may_be_ids).tolist())


def whole_number_warnings(features: Sequence[str], known: WholeNumbers) -> Iterator[str]:
    """Yields a sentence on features that may be ids, and one on others whose whole numbers float32 can't tell apart.

    Args:
        features: the names.
        known: what is known of their values in the training split.
    """
    if ids := possible_ids(features, known):
        yield (
            f"{plural(len(ids), 'feature')} may be an id or a row number, because all values are different "
            f"whole numbers: {quoted(ids, _MAX_NAMED)}. A network can't learn from an id, and a row number "
            "tells it only the order of the table."
        )
    rounded = [
        f"{features[index]!r} (up to {largest:,.0f}; there, multiples of {np.spacing(np.float32(largest)):,.0f})"
        for index, largest in enumerate(known.largest)
        if known.are_rounded[index] and not known.may_be_ids[index]
    ]
    if rounded:
        yield (
            f"{plural(len(rounded), 'feature has', 'features have')} whole numbers beyond 2^24 = {FLOAT32_WHOLE:,}. "
            "They are rounded, because features are 32-bit floats, and neighbours become equal: "
            f"{first_of(rounded, _MAX_NAMED)}. If the last digits matter, subtract a constant or split the "
            "column into two."
        )


def class_warnings(task: Task, label: str, classes: Sequence[str], weights: Sequence[float]) -> Iterator[str]:
    """Yields a sentence if one of two classes is rarer than RARE_SHARE; or if any has fewer than MIN_ROWS rows.

    The first if one class counts as positive, otherwise the second.

    Args:
        task: the task.
        label: the name of the label.
        classes: its values; empty if it is a number.
        weights: the total weight of the rows of each class in all splits.
    """
    if not task.label_is_class:
        return
    if not task.has_positive:
        few = [value for value, weight in zip(classes, weights, strict=True) if weight < MIN_ROWS]
        if few:
            yield (
                f"{plural(len(few), 'class', 'classes')} of the label {label!r} "
                f"{'has' if len(few) == 1 else 'have'} fewer than {MIN_ROWS} rows, too few to learn from or to judge "
                f"by: {quoted(few, _MAX_NAMED)}. Is the value right? Rows of rare classes can be merged into one."
            )
        return
    total = sum(weights)
    share, rare, common = min(
        (weights[1] / total, classes[1], classes[0]), (weights[0] / total, classes[0], classes[1])
    )
    if share < RARE_SHARE:
        yield (
            f"The label {label!r} is {rare!r} in {percent(share, 2)} of the rows, below {RARE_SHARE:.0%}. A "
            f"model that always predicts {common!r} has an accuracy of {percent(1 - share, 2)}, so judge by the PR-AUC "
            "and the recall. If the training misses the rare class, set training.class_weight: balanced. If the share "
            "is not that of the real cases, because the table is a sample, set data.weight."
        )


def copies_warning(copies: RowCopies, rows: int) -> Iterator[str]:
    """Yields a sentence if one row makes up more than COPIES_SHARE of all rows.

    Args:
        copies: the most frequent rows.
        rows: the number of rows in all splits.
    """
    number, text = copies.most_frequent()
    if number > max(1, COPIES_SHARE * rows):
        yield (
            f"{percent(number / rows)} of the rows ({number:,} of {rows:,}) are copies of one row, equal in all columns"
            f" of numbers and in the label: {text}. If they are not different cases, remove them from the table, "
            "because some of them are in the training split and some in the test split."
        )


def split_warning(rows: Mapping[str, int], split: SplitConfig) -> Iterator[str]:
    """Yields a sentence if a hash selects the split, but not in the shares asked for, with a margin of SPLIT_POINTS.

    Args:
        rows: the rows of each split.
        split: the shares that were asked for.
    """
    total = sum(rows.values())
    causes = {
        ROW: f"few rows (there are {total:,}) and many equal rows, because a hash of its values selects the split of a "
        "row",
        GROUP: "few groups and large groups, because no group is divided",
    }
    if split.by not in causes:
        return
    parts = {name: getattr(split, name) for name in rows}
    asked = {name: part / sum(parts.values()) for name, part in parts.items()}
    # Rounded, because 0.63 - 0.6 is more than 0.03 in binary.
    if max(round(abs(rows[name] / total - asked[name]), 9) for name in rows) > SPLIT_POINTS:
        found = ", ".join(f"{name} {percent(rows[name] / total)} ({percent(asked[name])})" for name in rows)
        yield (
            f"The splits do not have the shares that data.split asks for, given in parentheses: {found}. The usual "
            f"causes are {causes[split.by]}."
        )
