"""The application counts its visits in Redis: each runs in a container."""

# docs:begin test
import os
import unittest
import urllib.request

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy


class VisitsTest(unittest.TestCase):
    def test_visits_are_counted(self):
        with (
            Network() as network,
            DockerContainer(os.environ["REDIS_IMAGE"])
            .with_network(network)
            .with_network_aliases("redis")
            .waiting_for(LogMessageWaitStrategy("Ready to accept connections")),
            DockerContainer(os.environ["APP_IMAGE"])
            .with_network(network)
            .with_env("REDIS", "redis:6379")
            .with_exposed_ports(8080)
            .waiting_for(LogMessageWaitStrategy("listening on")) as app,
        ):
            address = f"http://{app.get_container_host_ip()}:{app.get_exposed_port(8080)}/"
            counts = [urllib.request.urlopen(address).read() for _ in range(2)]
        self.assertEqual(counts, [b"1", b"2"])


if __name__ == "__main__":
    unittest.main()
# docs:end test
