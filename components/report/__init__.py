"""The HTML report of a run or of a study: one self-contained page, made from artifacts."""
