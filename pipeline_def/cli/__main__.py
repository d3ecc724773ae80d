"""Runs the command line as `python -m pipeline_def.cli`."""

import sys

from pipeline_def.cli.main import main

sys.exit(main())
