"""The code that runs inside the steps of the pipeline: a package for each step, and the packages that they share."""
