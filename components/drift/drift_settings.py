"""The settings of DriftGate."""

from components.common.drift_record import DriftMode, ReferenceKind
from components.config.base import Settings


class DriftSettings(Settings):
    """The settings of DriftGate.

    Attributes:
        mode: data.drift.
        features, ignore: data.features and data.ignore.
        has_schema: whether the columns are held against data.schema_file, so that the served model's don't count.
        has_spans: whether data.input has {SPAN}.
    """

    mode: DriftMode
    features: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    has_schema: bool = False
    has_spans: bool = False


class DriftReference(Settings):
    """The statistics to compare with; the driver passes them to the executor.

    Attributes:
        kind: `served` or `span`, as in the drift record.
        name: the reference in words.
        folder: the folder of the statistics.
        digest: the SHA-256 of the file, so that TFX's cache key depends on its content.
    """

    kind: ReferenceKind
    name: str
    folder: str
    digest: str


class ResolvedSettings(Settings):
    """What the driver found when the run ran. It replaces the settings in the cache key.

    Attributes:
        mode: data.drift.
        references: what the table is compared with.
        notes: why a reference is missing, one sentence each.
        error: why no reference could be looked up, if data.drift is refuse; "" if they could, or if the run only warns.
        refusal: how the columns differ from those of the served model; "" if they don't, or need not be the same.
    """

    mode: DriftMode
    references: tuple[DriftReference, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    refusal: str = ""
