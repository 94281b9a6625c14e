"""The source for repositories on GitHub: read by GraphQL and git, told by check runs and deployments."""
