"""Each threat of `docs/explanation/security.md` and what stops it."""
