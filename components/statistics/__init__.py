"""StatisticsGen: the statistics that TFX's StatisticsGen writes, computed on whole batches of columns."""
