"""Typed, frozen settings of the steps: every key has a default, a type, a unit and a description.

The defaults are the recommended run. `pipeline_def.config.load` reads these models from YAML and prints them as YAML.
Each step receives its own model as JSON, in its execution properties. Each group of keys is a module, so that the
code digest of a step covers only the settings that the step reads.
"""
