"""Converts CSV and Parquet files to tf.Examples in splits; rows that can't be read are rejected and listed.

The modules, in the order in which a table passes through them: `input_files` (which files to read), `csv_header` (the
start of a CSV file), `row_boundaries` (where rows end), `cell_parsing` and `labels` (the value of a cell),
`type_inference` (which columns are numeric), `table` (combines these), `block_plan` (independent blocks and a digest),
`block_parsing`, `parquet` and `row_validation` (a block becomes arrays), `split` (the split of each row), `shards` (a
block becomes files), `ingest_report` (totals, and whether the data is refused), and `executor`, `driver`,
`exec_properties` and `component` (the interface to TFX). Only `shards` and the modules after it import Beam or TFX.
"""
