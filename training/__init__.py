"""The recipe of the bundled embedding model: `python -m training --data DIR`."""
