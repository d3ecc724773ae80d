"""The ServedModel component: finds the model that is served now, with which the Evaluator compares the candidate."""

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.pusher.publication import Destination
from components.served_model import driver, executor


class ServedModelSpec(ComponentSpec):  # type: ignore[misc]
    """The inputs, outputs and parameters of ServedModel."""

    INPUTS = {  # noqa: RUF012 (TFX's name)
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {"served_model": ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    PARAMETERS = {  # noqa: RUF012
        driver.DESTINATION: ExecutionParameter(type=str),
        "code_digest": ExecutionParameter(type=str),
    }


class ServedModel(BaseComponent):  # type: ignore[misc]
    """Copies the served model into an artifact; if there is none to compare with, the artifact says why.

    Its driver looks up which model is served when the run runs. If that is the candidate itself, the reference is the
    model that the candidate replaced.

    Output `served_model`: a Model artifact with the SavedModel, its card and `served.json`, a
    `components.common.served_record.ServedRecord`.
    """

    SPEC_CLASS = ServedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.ServedModelExecutor)
    DRIVER_CLASS = driver.ServedModelDriver

    def __init__(
        self, examples: BaseChannel, model: BaseChannel, destination: Destination, code_digest: str
    ) -> None:
        """Configures the component; reads no files.

        Args:
            examples: the examples on which the models are compared.
            model: the candidate.
            destination: where the versions are.
            code_digest: the digest of the step's code, so that a change invalidates TFX's cache.
        """
        super().__init__(
            ServedModelSpec(
                examples=examples,
                model=model,
                destination=destination.model_dump_json(),
                code_digest=code_digest,
                served_model=Channel(type=standard_artifacts.Model),
            )
        )
