"""The command line of regpipe: one module for each command."""
