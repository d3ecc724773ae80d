"""The columns of a table that are read, and what each is used for."""

from dataclasses import dataclass

from components.example_gen.cell_parsing import PLAIN, CellFormat
from components.example_gen.split_column import SplitColumn
from components.example_gen.task_choice import Label


@dataclass(frozen=True, kw_only=True)
class ReadColumns:
    """The columns that are read of every row.

    Attributes:
        features: the names of the numeric features.
        weight: the name of the weight column; None if all rows weigh the same.
        label: the name of the label and its values.
        categorical: the names of the categorical features.
        hash_only: the columns of numbers that only select the split of a row: those that are hashed, but are not
            features.
        hash_only_texts: the categorical columns of this kind.
        split: the column that selects the split of a row; None if a hash does.
        cells: how the cells are written.
        booleans: the columns whose cells are words such as true and false.
    """

    features: tuple[str, ...]
    weight: str | None = None
    label: Label
    categorical: tuple[str, ...] = ()
    hash_only: tuple[str, ...] = ()
    hash_only_texts: tuple[str, ...] = ()
    split: SplitColumn | None = None
    cells: CellFormat = PLAIN
    booleans: frozenset[str] = frozenset()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of which every example has one number: numeric features, and then the weight if there is one."""
        return self.features if self.weight is None else (*self.features, self.weight)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in the order in which they are read; the last one is that of the split, if there is one."""
        split = () if self.split is None else (self.split.name,)
        return (*self.numbers, self.label.column, *self.hash_only, *self.texts, *split)

    @property
    def texts(self) -> tuple[str, ...]:
        """All categorical columns: the features, and then those that are only hashed."""
        return (*self.categorical, *self.hash_only_texts)
