"""The DriftGate component: connects its driver and executor to TFX."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.drift.drift_settings import DriftSettings
from components.drift.driver import DriftGateDriver
from components.drift.executor import DriftGateExecutor
from components.pusher.publication import Destination


class DriftReport(Artifact):  # type: ignore[misc]
    """A folder with `drift.json`, see `components.common.drift_record`."""

    TYPE_NAME = "DriftReport"


class DriftGateSpec(ComponentSpec):  # type: ignore[misc]
    """The inputs, the output and the parameters. The code digest invalidates TFX's cache when the code changes."""

    PARAMETERS = {  # noqa: RUF012 (TFX's name)
        "settings": ExecutionParameter(type=str),
        "destination": ExecutionParameter(type=str),
        "code_digest": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS = {"drift": ChannelParameter(type=DriftReport)}  # noqa: RUF012


class DriftGate(BaseComponent):  # type: ignore[misc]
    """Compares the training split with that of the served model and with that of the span before.

    Its driver looks up what the destination serves when the run runs. The training split is what a model learns from;
    the hash that assigns the rows to splits does not look at their age, so it is a random sample of the table.

    Output `drift`: the drift record.
    """

    SPEC_CLASS = DriftGateSpec
    EXECUTOR_SPEC = ExecutorClassSpec(DriftGateExecutor)
    DRIVER_CLASS = DriftGateDriver

    def __init__(
        self,
        examples: BaseChannel,
        statistics: BaseChannel,
        settings: DriftSettings,
        destination: Destination,
        code_digest: str,
    ) -> None:
        super().__init__(
            DriftGateSpec(
                examples=examples,
                statistics=statistics,
                settings=settings.model_dump_json(),
                destination=destination.model_dump_json(),
                code_digest=code_digest,
                drift=Channel(type=DriftReport),
            )
        )
