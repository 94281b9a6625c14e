"""The source for plain Git: any URL that git itself can fetch."""
