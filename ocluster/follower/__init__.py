"""The process that talks to one scheduler, and follows all jobs that one runner has there."""
