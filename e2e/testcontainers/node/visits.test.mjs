#!/usr/bin/env node
// Asks an application that counts its visits in Redis.
import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";

import { GenericContainer, Network, Wait } from "testcontainers";

// docs:begin test
test("visits are counted", async () => {
  await using network = await new Network().start();
  await using redis = await new GenericContainer(env.REDIS_IMAGE)
    .withNetwork(network)
    .withNetworkAliases("redis")
    .withWaitStrategy(Wait.forLogMessage("Ready to accept connections"))
    .start();
  await using app = await new GenericContainer(env.APP_IMAGE)
    .withNetwork(network)
    .withEnvironment({ REDIS: "redis:6379" })
    .withExposedPorts(8080)
    .withWaitStrategy(Wait.forHttp("/health", 8080))
    .start();

  const address = `http://${app.getHost()}:${app.getMappedPort(8080)}/`;
  for (const expected of ["1", "2", "3"]) {
    const answer = await fetch(address);
    assert.equal((await answer.text()).trim(), expected);
  }
});
// docs:end test
