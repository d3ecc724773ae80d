"""Typed, frozen settings of the steps: every key with its default, type, unit and a sentence.

The defaults are the recommended run. `pipeline_def.config.load` reads these models from YAML and prints them back;
each step is handed its own model, as JSON, among its execution properties. A module for each group of keys, so that a
step's code digest holds the settings that it reads, and no others.
"""
