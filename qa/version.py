"""The version, apart from everything else so that packaging can read it alone."""

__version__ = "0.1.0"
