"""What has to hold before the service goes live."""

import unittest

from greeting import greet


class TestGreeting(unittest.TestCase):
    def test_it_greets_by_name(self) -> None:
        self.assertIn("world", greet("world"))


if __name__ == "__main__":
    unittest.main()
