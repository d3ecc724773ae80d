"""The HTML report of a run or of a study: one self-contained page, created from the artifacts of the steps."""
