"""The handling of requests of both protocols: model_servers/server_core.cc and the *_impl.cc files."""

from collections.abc import Mapping
from typing import Any

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tests.standins.tf_serving.bundle import Bundle
from tests.standins.tf_serving.manager import Manager
from tests.standins.tf_serving.status import Code, Status, invalid

STATES = get_model_status_pb2.ModelVersionStatus


class Core:
    """All models of a server.

    Args:
        models: the models by name.
    """

    def __init__(self, models: Mapping[str, Manager]) -> None:
        self._models = models

    def predict(self, request: Any) -> Any:
        """servables/tensorflow/predict_impl.cc."""
        version, bundle = self.bundle(request)
        response = bundle.predict(request)
        response.model_spec.version.value = version
        return response

    def classify(self, request: Any) -> Any:
        """servables/tensorflow/classification_service.cc."""
        version, bundle = self.bundle(request)
        response = bundle.classify(request)
        response.model_spec.version.value = version
        return response

    def regress(self, request: Any) -> Any:
        """servables/tensorflow/regression_service.cc."""
        version, bundle = self.bundle(request)
        response = bundle.regress(request)
        response.model_spec.version.value = version
        return response

    def metadata(self, request: Any) -> Any:
        """servables/tensorflow/get_model_metadata_impl.cc."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        version, bundle = self.bundle(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in bundle.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        response.metadata["signature_def"].Pack(signatures)
        return response

    def status(self, request: Any) -> Any:
        """model_servers/get_model_status_impl.cc."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        name, version = request.model_spec.name, _version(request.model_spec)
        states = self._models[name].states() if name in self._models else []
        if version is not None:
            states = [one for one in states if one[0] == version]
            if not states:
                raise Status(Code.NOT_FOUND, f"Could not find version {version} of model {name}")
        if not states:
            raise Status(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, state, error in states:
            one = response.model_version_status.add(version=version, state=STATES.State.Value(state))
            one.status.SetInParent()
            if error is not None:
                one.status.error_code = error.code.value[0]
                one.status.error_message = error.message
        return response

    def bundle(self, request: Any) -> tuple[int, Bundle]:
        """ServableRequestFromModelSpec in server_core.cc; no labels are assigned here."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        if spec.WhichOneof("version_choice") == "version_label":
            raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        if spec.name not in self._models:
            version = _version(spec)
            requested = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise Status(Code.NOT_FOUND, f"Servable not found for request: {requested}")
        return self._models[spec.name].bundle(_version(spec))


def _version(spec: Any) -> int | None:
    return spec.version.value if spec.WhichOneof("version_choice") == "version" else None
