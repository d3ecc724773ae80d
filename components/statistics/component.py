"""The pipeline's StatisticsGen."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.statistics.executor import StatisticsExecutor


class StatisticsSpec(ComponentSpec):  # type: ignore[misc]
    """Examples in, statistics out; the code's digest is there so that TFX's cache sees a change of it."""

    PARAMETERS = {"code_digest": ExecutionParameter(type=str)}  # noqa: RUF012 (TFX's names)
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {"statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)}  # noqa: RUF012


class StatisticsGen(BaseBeamComponent):  # type: ignore[misc]
    """The statistics of every split of our ExampleGen's examples, which are numbers in named columns and nothing else.

    Output `statistics`: as TFX's StatisticsGen writes it, one FeatureStats.pb for each split.
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
