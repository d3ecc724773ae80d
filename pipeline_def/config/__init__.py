"""The configuration: one YAML file to and from one typed object."""
