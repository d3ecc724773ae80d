"""The options of `regpipe serve`."""

import argparse
from pathlib import Path

from pipeline_def.cli.options import seconds


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds all but those that other commands have, too: --config, --set and --root."""
    parser.add_argument(
        "--model-dir",
        metavar="DIR",
        help="the folder that holds the versions (default: where runs publish to)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--binary", metavar="PATH", help="this tensorflow_model_server")
    how.add_argument("--docker", action="store_true", help="Docker, even if there is a binary")
    for protocol, port in (("rest", 8501), ("grpc", 8500)):
        parser.add_argument(
            f"--{protocol}-port", type=_port, default=port, metavar="PORT", help=f"(default: {port})"
        )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="how long the model may take to load (default: 120)",
    )
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="the server's log (default: serve.log beside the folder)"
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text!r}")
    return port
