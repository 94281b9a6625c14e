"""What every plugin of a role keeps to: inherit its class in the tests of yours, and fill in the fixtures."""
