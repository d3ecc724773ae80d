"""The Transform component: TFX's, with an executor that writes the transformed rows as vectors."""

from typing import Any

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.standard_component_specs import TransformSpec
from tfx.utils import json_utils

from components.transform import executor


class Transform(BaseBeamComponent):  # type: ignore[misc]
    """Analyzes the training split.

    Output `transform_graph`: as TFX's. Output `transformed_examples`: the rows that are trained on, in the files that
    `components.transform.rows_record` describes.
    """

    SPEC_CLASS = TransformSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executor.TransformExecutor)

    def __init__(self, examples: BaseChannel, schema: BaseChannel, custom_config: dict[str, Any]) -> None:
        """Configures the component.

        Args:
            examples: the examples of all splits.
            schema: their schema.
            custom_config: that of `components.transform.preprocessing.preprocessing_fn`, and `code_digest`, so that a
                change of the code invalidates TFX's cache.
        """
        super().__init__(
            TransformSpec(
                examples=examples,
                schema=schema,
                preprocessing_fn=f"{executor.__name__}.preprocessing_fn",
                disable_statistics=1,
                custom_config=json_utils.dumps(custom_config),
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=Channel(type=standard_artifacts.Examples),
            )
        )
