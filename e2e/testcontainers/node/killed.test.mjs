#!/usr/bin/env node
// Dies while its containers run: what becomes of them is up to the reaper.
import { env, kill, pid } from "node:process";

import { GenericContainer, Network, Wait } from "testcontainers";

const network = await new Network().start();
await new GenericContainer(env.APP_IMAGE)
  .withNetwork(network)
  .withWaitStrategy(Wait.forLogMessage("listening"))
  .start();
console.log("the application runs");
kill(pid, "SIGKILL");
