"""Evaluator: measures both models on the test split and blesses the candidate, or records why not.

TFX's Evaluator measures with TFMA and blesses by TFMA's thresholds. TFMA has no paired bootstrap, does not compare the
test split with the training split, and without a baseline it ignores the thresholds against one. Therefore
TFMA gets no thresholds here. It writes metrics for people who use its tools; `components.evaluator.verdict` decides.
"""
