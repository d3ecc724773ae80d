"""Runs a Beam worker. Flink and Spark start this program on each machine with `beam.environment: process`.

Beam's own `boot` program is only in its container images, not in the Python package. This program fetches the
job's settings from the runner and then runs Beam's worker. It installs nothing, because the environment is complete.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import json_format, text_format

_SECONDS_TO_ANSWER = 60


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the worker until the runner ends it or can no longer be reached."""
    parser = argparse.ArgumentParser(prog="regpipe-beam-worker", allow_abbrev=False)
    parser.add_argument("--id", required=True, help="the runner's id of this worker")
    parser.add_argument("--provision_endpoint", required=True, help="the address of the job's settings")
    args, _ = parser.parse_known_args(argv)  # the other options are for containers
    os.environ.update(_job(args.provision_endpoint, args.id))
    sdk_worker_main.main(sys.argv)


def _job(endpoint: str, worker: str) -> dict[str, str]:
    """Returns the environment variables that Beam's worker reads."""
    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        info = stub.GetProvisionInfo(
            beam_provision_api_pb2.GetProvisionInfoRequest(),
            metadata=[("worker_id", worker)],
            timeout=_SECONDS_TO_ANSWER,
            wait_for_ready=True,
        ).info
    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "CONTROL_API_SERVICE_DESCRIPTOR": _text(info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": _text(info.logging_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _text(address: endpoints_pb2.ApiServiceDescriptor) -> str:
    return str(text_format.MessageToString(address, as_one_line=True))


if __name__ == "__main__":
    main()
