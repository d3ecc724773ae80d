"""The names of files and signatures that several steps, the report and the server use."""

# In the examples artifact.
INGEST_FILE = "ingest.json"
REJECTED_FILE = "rejected_rows.jsonl"
# TFX's names; importing them from its executors takes seconds.
STATISTICS_FILE = "FeatureStats.pb"
ANOMALIES_FILE = "SchemaDiff.pb"
# Beside the statistics of the training split.
FEATURE_AUC_FILE = "feature_auc.json"
TRIALS_FILE = "tuner_results.json"
# In the statistics artifact, and in the folder assets.extra of a published model.
TRAINING_STATISTICS_FILE = "training_statistics.json"
# In the artifact of one training.
HISTORY_FILE = "history.json"
TUNED_FILE = "tuned.json"
WEIGHTS_FILE = "weights.json"
SCALING_FILE = "scaling.json"
CALIBRATION_FILE = "calibration.json"
# In the artifact of DriftGate.
DRIFT_FILE = "drift.json"
# In the evaluation artifact.
VERDICT_FILE = "verdict.json"
IMPORTANCE_FILE = "importance.json"
# In the artifact of ServedModel.
SERVED_FILE = "served.json"
# Under the root.
INDEX_FILE = "index.json"
# In a SavedModel; TensorFlow ignores the folder assets.extra.
EXTRA_FOLDER = "assets.extra"
CARD_FILE = "assets.extra/model_card.json"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# The signature that the Evaluator calls.
SIGNATURE = "serving_examples"
