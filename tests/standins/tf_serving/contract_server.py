"""A stand-in for the binary `tensorflow_model_server`, written from the published sources of TF Serving.

The binary is not in the usual package indexes. The rules are in the modules of this folder, each with its source file
in github.com/tensorflow/serving. If the environment variable TENSORFLOW_MODEL_SERVER is the path of a binary, the same
tests use that instead.

    python -m tests.standins.tf_serving.contract_server --model_base_path=/models/regpipe --rest_api_port=0

The flags are those of model_servers/main.cc that affect responses. Two things differ: port 0 selects a free port, and
seconds may be fractions. A line is printed to standard output when the ports are open.
"""

import argparse
import re
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.standins.tf_serving import services
from tests.standins.tf_serving.bundle import Batching
from tests.standins.tf_serving.core import Core
from tests.standins.tf_serving.manager import Manager, Polling, stop_all
from tests.standins.tf_serving.rest import RestServer
from tests.standins.tf_serving.status import Status, invalid


class ContractServer:
    """The gRPC and REST servers. The ports open when all models are available, as in BuildAndStart in server.cc.

    Args:
        models: the models.
        port: the port of gRPC; 0 selects a free one.
        rest_port: the port of REST; 0 selects a free one, None means no REST.
        prometheus: the path of the metrics; None means no metrics.
        rest_threads: REST requests that are answered at the same time; None means the default.

    Raises:
        Status: a model's newest version can't be loaded.
        RuntimeError: the port of gRPC is taken. If that of REST is taken, the server only logs it.
    """

    def __init__(
        self,
        models: Sequence[Manager],
        port: int = 0,
        rest_port: int | None = 0,
        prometheus: str | None = None,
        rest_threads: int | None = None,
    ) -> None:
        self._models = models
        core = Core({model.name: model for model in models})
        try:
            for model in models:
                model.start()
            self._rest = _rest_server(rest_port, core, prometheus, rest_threads)
            self._grpc, self.port = services.serve(port, core)
        except BaseException:  # also Ctrl-C
            stop_all(models)
            raise
        self.rest_port = self._rest.server_port if self._rest else None
        if self._rest is not None:
            self._rest.start()

    def stop(self) -> None:
        """Closes both ports and aborts current requests."""
        stop_all(self._models)  # first, as it aborts requests that wait for a batch
        if self._rest is not None:
            self._rest.stop()
        self._grpc.stop(grace=None).wait()


def _rest_server(
    port: int | None, core: Core, prometheus: str | None, threads: int | None
) -> RestServer | None:
    if port is None:
        return None
    try:
        return RestServer(port, core, prometheus, threads)
    except OSError as error:
        print(f"Failed to start HTTP Server at localhost:{port}: {error}", flush=True)
        return None


def parser() -> argparse.ArgumentParser:
    """Returns a parser for the flags of TF Serving, with their defaults."""
    parsed = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parsed.add_argument("--port", type=int, default=8500)
    parsed.add_argument("--rest_api_port", type=int)
    parsed.add_argument("--model_name", default="default")
    parsed.add_argument("--model_base_path", type=Path)
    parsed.add_argument("--model_config_file", type=Path)
    parsed.add_argument("--enable_batching", type=_boolean, default=False, nargs="?", const=True)
    parsed.add_argument("--batching_parameters_file", type=Path)
    parsed.add_argument("--monitoring_config_file", type=Path)
    parsed.add_argument("--file_system_poll_wait_seconds", type=float, default=1.0)
    parsed.add_argument("--rest_api_num_threads", type=int)
    parsed.add_argument("--num_load_threads", type=int, default=0)
    parsed.add_argument("--max_num_load_retries", type=int, default=5)
    parsed.add_argument("--load_retry_interval_micros", type=int, default=60_000_000)
    return parsed


def build(arguments: argparse.Namespace) -> ContractServer:
    """Starts the server that the flags describe: BuildAndStart in model_servers/server.cc."""
    if arguments.model_config_file:
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse(arguments.model_config_file.read_text(), config)
        models = {one.name: Path(one.base_path) for one in config.model_config_list.config}
        if any(one.HasField("logging_config") for one in config.model_config_list.config):
            # server_core.cc creates ServerRequestLogger without a creator; server_request_logger.cc refuses any logger.
            raise invalid("No request-logger-creator provided.")
    elif arguments.model_base_path:
        models = {arguments.model_name: arguments.model_base_path}
    else:
        raise invalid("Both server_options.model_base_path and server_options.model_config_file are empty!")
    for name, path in models.items():
        if not path.is_absolute():  # server_core.cc, ValidateModelConfigList
            raise invalid(f"Expected model {name} to have an absolute path or URI; got base_path()={path}")
    if arguments.batching_parameters_file and not arguments.enable_batching:
        raise invalid(
            "server_options.batching_parameters_file is set without setting server_options.enable_batching to true."
        )
    polling = Polling(
        seconds=arguments.file_system_poll_wait_seconds,
        load_retries=arguments.max_num_load_retries,
        retry_seconds=arguments.load_retry_interval_micros / 1e6,
        load_threads=arguments.num_load_threads,
    )
    batching = _batching(arguments.batching_parameters_file) if arguments.enable_batching else None
    return ContractServer(
        [Manager(name, path, polling, batching) for name, path in models.items()],
        arguments.port,
        arguments.rest_api_port,
        _prometheus(arguments.monitoring_config_file),
        arguments.rest_api_num_threads,
    )


def _boolean(text: str) -> bool:
    return text.lower() in ("true", "1")


def _batching(path: Path | None) -> Batching:
    """Reads max_batch_size; tensorflow-serving-api lacks the proto of this file, so it is found by its name."""
    found = path and re.search(r"max_batch_size\s*:?\s*\{\s*value\s*:\s*(\d+)", path.read_text())
    return Batching(int(found[1])) if found else Batching()


def _prometheus(path: Path | None) -> str | None:
    """Returns the path in an enabled MonitoringConfig; the default is that of util/prometheus_exporter.cc."""
    text = path.read_text() if path else ""
    if not re.search(r"enable\s*:\s*true", text):
        return None
    found = re.search(r"path\s*:\s*\"([^\"]*)\"", text)
    return found[1] if found else "/monitoring/prometheus/metrics"


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM."""
    given = list(sys.argv[1:] if argv is None else argv)
    # TensorFlow's flags need `=` before the value: for the binary, `--port 8500` is an unknown argument.
    arguments, unknown = parser().parse_known_args(
        [one for one in given if re.fullmatch(r"--\w+(=.*)?", one)]
    )
    unknown += [one for one in given if not re.fullmatch(r"--\w+(=.*)?", one)]
    if unknown:  # main.cc: the server goes on, with the default of a flag that is misspelt.
        print(f"unknown argument: {unknown[0]}\n{parser().format_usage()}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = None
    try:
        server = build(arguments)
        print(f"serving grpc={server.port} rest={server.rest_port}", flush=True)
        threading.Event().wait()
    except Status as error:  # main.cc
        print(f"Failed to start server. Error: {error}", flush=True)
        return 255
    except KeyboardInterrupt:
        if server is not None:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
