"""Asks an application that counts its visits in Redis."""

import os
import secrets
import subprocess
import time
import unittest
import urllib.error
import urllib.request

FILE = os.path.join(os.path.dirname(__file__), "compose.yaml")
PATIENCE_SECONDS = 30


# docs:begin test
class VisitsTest(unittest.TestCase):
    def setUp(self):
        self.project = f"visits-{secrets.token_hex(4)}"
        self.addCleanup(self.compose, "down", "--volumes")
        self.compose("up", "--wait")
        self.address = f"http://{self.compose('port', 'app', '8080')}"

    def compose(self, *arguments):
        command = ["docker", "compose", "--file", FILE, "--project-name", self.project]
        return subprocess.check_output([*command, *arguments], text=True).strip()

    def test_visits_are_counted(self):
        self.wait_for_health()
        for expected in ["1", "2", "3"]:
            self.assertEqual(self.get("/").strip(), expected)
    # docs:end test

    def get(self, path):
        with urllib.request.urlopen(self.address + path, timeout=5) as answer:
            return answer.read().decode()

    def wait_for_health(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.get("/health")
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
