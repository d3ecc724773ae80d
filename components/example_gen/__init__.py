"""From files to split tf.Examples: finds the table, reads it block by block and sets bad rows aside.

The modules in the order in which a table passes through them: `files` (which files), `header` (a CSV file's
first lines), `scan` (where rows end), `cells` and `labels` (what a cell says), `evidence` (which columns hold
numbers), `table` (all of that put together), `plan` (independent blocks and a digest), `rows` and `parquet`
(a block becomes arrays), `split` (which row goes where), `shards` (a block becomes files), `outcome` (what is
kept of a run), and `executor`, `driver`, `component` (TFX's side of it). Only the last three and `shards`
import TensorFlow or TFX.
"""
