"""Names of the files and signatures that steps, report and server exchange."""

# In the folder of the examples.
INGEST_FILE = "ingest.json"
REJECTED_FILE = "rejected_rows.jsonl"
# TFX's names; importing them from its executors takes seconds.
STATISTICS_FILE = "FeatureStats.pb"
ANOMALIES_FILE = "SchemaDiff.pb"
TRIALS_FILE = "tuner_results.json"
# In the folder of one training.
HISTORY_FILE = "history.json"
TUNED_FILE = "tuned.json"
WEIGHTS_FILE = "weights.json"
# Of the Evaluator.
VERDICT_FILE = "verdict.json"
# In a SavedModel; TensorFlow ignores the folder assets.extra.
CARD_FILE = "assets.extra/model_card.json"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# The signature that the Evaluator calls, and its output.
SIGNATURE, PREDICTION = "serving_examples", "probability"
