"""Evaluator: measures both models on the test split and blesses the candidate, or says why not.

TFX's Evaluator measures with TFMA and lets TFMA's thresholds bless. TFMA has no paired bootstrap and no training
split beside the test split, and without a baseline it ignores the thresholds against one. So TFMA gets no thresholds
here: it writes its metrics for whoever works with its tools, and the one judge is
`components.evaluator.verdict`, whose record the blessing follows.
"""
