"""What files and signatures are called through which the steps, the report and the server know of each other."""

# Beside the examples.
INGEST_FILE = "ingest.json"
REJECTED_FILE = "rejected_rows.jsonl"
# TFX's own, here because importing its executors takes seconds.
STATISTICS_FILE = "FeatureStats.pb"
ANOMALIES_FILE = "SchemaDiff.pb"
TRIALS_FILE = "tuner_results.json"
# In the folder of a training.
HISTORY_FILE = "history.json"
TUNED_FILE = "tuned.json"
WEIGHTS_FILE = "weights.json"
# Of the Evaluator.
VERDICT_FILE = "verdict.json"
# In a SavedModel: its folder for what TensorFlow does not read.
CARD_FILE = "assets.extra/model_card.json"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# Its signature that the Evaluator asks, and what that answers.
SIGNATURE, PREDICTION = "serving_examples", "probability"
