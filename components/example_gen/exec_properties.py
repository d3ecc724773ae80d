"""Packs the settings of ExampleGen into TFX's execution properties, for its driver and executor."""

import json
from dataclasses import dataclass

from google.protobuf import json_format, struct_pb2
from tfx.proto import example_gen_pb2

from components.config.data import DataConfig

# The location of the files (the cache key contains a digest of their content instead), and settings of later steps.
_NOT_IN_CACHE_KEY = {"input", "span", "last_spans", "min_rows", "schema_file", "drift"}


@dataclass(frozen=True)
class ExampleGenProperties:
    """The settings with absolute paths, the folder for rejected rows, and the digest of the code."""

    settings: DataConfig
    rejected_dir: str
    code_digest: str

    def pack(self) -> example_gen_pb2.CustomConfig:
        """Returns the properties as the `custom_config` of an ExampleGen."""
        return _pack(self.settings.model_dump_json(), self.rejected_dir, self.code_digest)

    @classmethod
    def unpack(cls, custom_config: str) -> "ExampleGenProperties":
        """Reads the properties from the JSON of a `custom_config`."""
        struct = struct_pb2.Struct()
        message = json_format.Parse(custom_config, example_gen_pb2.CustomConfig())
        message.custom_config.Unpack(struct)
        return cls(
            DataConfig.model_validate_json(struct["settings"]), struct["rejected_dir"], struct["code_digest"]
        )

    def cache_key(self) -> str:
        """Returns JSON of a `custom_config` that does not depend on where the files are."""
        settings = self.settings.model_dump(mode="json", exclude=_NOT_IN_CACHE_KEY)
        packed = _pack(json.dumps(settings, sort_keys=True), "", self.code_digest)
        return str(json_format.MessageToJson(packed, sort_keys=True))


def _pack(settings: str, rejected_dir: str, code_digest: str) -> example_gen_pb2.CustomConfig:
    struct = struct_pb2.Struct()
    struct.update({"settings": settings, "rejected_dir": rejected_dir, "code_digest": code_digest})
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(struct)
    return config
