"""Compares the table with each reference, writes the drift record, and refuses the data where that is configured."""

import logging
from typing import Any

from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from components.common.drift_record import DriftMode, DriftRecord, TableComparison
from components.common.drift_text import refusal_text, summary_sentence
from components.common.errors import DataRefused
from components.common.training_statistics import TrainingStatistics
from components.drift.drift_settings import DriftReference, ResolvedSettings
from components.drift.table_comparison import compare

progress = logging.getLogger("regpipe.progress")


class DriftGateExecutor(BaseExecutor):  # type: ignore[misc]
    """Writes `drift.json`."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Overrides TFX's method.

        Raises:
            DataRefused: the columns are not those of the served model, or the data has moved and data.drift is refuse.
            RuntimeError: data.drift is refuse, and a reference could not be looked up, or is damaged.
            FileNotFoundError, ValueError: the statistics of this run are missing or damaged.
        """
        settings = ResolvedSettings.model_validate_json(exec_properties["settings"])
        if settings.refusal:
            raise DataRefused(settings.refusal)
        if settings.error:
            raise _not_compared(settings.error)
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        record = drift_record(settings, statistics.uri)
        if record.mode == "refuse" and record.has_findings:
            raise DataRefused(refusal_text(record), drift=record)
        record.write(artifact_utils.get_single_instance(output_dict["drift"]).uri)
        for comparison in record.comparisons:
            progress.info("%s", summary_sentence(comparison.name, len(comparison.moved)))


def drift_record(settings: ResolvedSettings, folder: str) -> DriftRecord:
    """Returns the comparison with each reference.

    Args:
        settings: the references.
        folder: the folder of the statistics of this run.

    Raises:
        RuntimeError: data.drift is refuse, and a reference is damaged.
    """
    compared: list[TableComparison | str] = []
    if settings.references:
        new = TrainingStatistics.read(folder)
        compared = [_compared(reference, new, settings.mode) for reference in settings.references]
    return DriftRecord(
        mode=settings.mode,
        comparisons=tuple(each for each in compared if isinstance(each, TableComparison)),
        notes=(*settings.notes, *(each for each in compared if isinstance(each, str))),
    )


def _compared(reference: DriftReference, new: TrainingStatistics, mode: DriftMode) -> TableComparison | str:
    try:
        old = TrainingStatistics.read(reference.folder)
    except (OSError, ValueError) as error:
        reason = f"Not compared with {reference.name}: {error}"
        if mode == "refuse":  # which a damaged file must not switch off
            raise _not_compared(reason) from None
        return reason
    return compare(reference.kind, reference.name, old, new)


def _not_compared(reason: str) -> RuntimeError:
    return RuntimeError(f"{reason} (data.drift is refuse; warn goes on without the comparison)")
