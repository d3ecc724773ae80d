"""The StatisticsGen component: connects its executor to TFX."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.statistics.executor import StatisticsExecutor


class StatisticsSpec(ComponentSpec):  # type: ignore[misc]
    """The input, the output and the parameter. The code digest invalidates TFX's cache when the code changes."""

    PARAMETERS = {"code_digest": ExecutionParameter(type=str)}  # noqa: RUF012 (TFX's name)
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {"statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)}  # noqa: RUF012


class StatisticsGen(BaseBeamComponent):  # type: ignore[misc]
    """Computes the statistics of every split of examples that TableExampleGen wrote, whose features are all numbers.

    Output `statistics`: one FeatureStats.pb for each split, as TFX's StatisticsGen writes it.
    """

    SPEC_CLASS = StatisticsSpec
    EXECUTOR_SPEC = BeamExecutorSpec(StatisticsExecutor)

    def __init__(self, examples: BaseChannel, code_digest: str) -> None:
        super().__init__(
            StatisticsSpec(
                examples=examples,
                code_digest=code_digest,
                statistics=Channel(type=standard_artifacts.ExampleStatistics),
            )
        )
