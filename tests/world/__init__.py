"""A world to look at: two flavours, some forty services in every state, and logs, for what walks all pages.

`python -m tests.world` makes it in the database of the environment, and prints the keys of the rows that the walk looks at.
"""
