"""A stand-in for GitHub, which answers by GitHub's own published schemas, on top of real Git repositories."""
