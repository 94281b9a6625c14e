"""A plugin for tests: it implements every hook and every role in memory, and does as it is told."""
