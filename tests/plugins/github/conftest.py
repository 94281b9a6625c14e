"""A GitHub for the tests of its plugin."""

from tests.github_server.fixtures import github

__all__ = ["github"]
