"""The names of files that several modules read or write: under the root, and in the folder of a run."""

STORE_FILE = "metadata.sqlite"
"""The metadata store of the local runner, under the root."""
FACTS_FILE = "facts.json"
"""What the metadata store knows of a run, for the Report step; see `report_facts`."""
PIPELINE_FILE = "pipeline.json"
"""On Kubeflow: the pipeline as the first step of a run has compiled it."""
