"""The checks of `regpipe doctor`: what a configuration needs, and what of it is there."""
