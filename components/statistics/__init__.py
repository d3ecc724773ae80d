"""StatisticsGen: computes the same statistics as TFX's StatisticsGen, but on whole batches of columns."""
