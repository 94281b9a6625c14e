"""Adding a service step by step: repository, recipe, target, service, and what would come of it before it is saved."""
