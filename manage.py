#!/usr/bin/env python
"""Run Django's and the deployer's commands from a checkout."""

from deployer_site.command_line import main

if __name__ == "__main__":
    main()
