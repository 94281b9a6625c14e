"""Images that others publish: followed by services, or used by builds."""
