"""A library for plugins that work with containers: engines and how to reach them, images, registries.

It is no plugin and offers nothing by itself. It imports `core.api` alone, and plugins import it as they would a library
from elsewhere.
"""
