package visits;

// docs:begin test
import static org.junit.Assert.assertEquals;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/** The application counts its visits in Redis: each runs in a container. */
public class VisitsTest {
  @Test
  public void visitsAreCounted() throws Exception {
    try (Network network = Network.newNetwork();
        GenericContainer<?> redis =
            container("REDIS_IMAGE")
                .withNetwork(network)
                .withNetworkAliases("redis")
                .waitingFor(Wait.forLogMessage(".*Ready to accept connections.*\\n", 1));
        GenericContainer<?> app =
            container("APP_IMAGE")
                .withNetwork(network)
                .withEnv("REDIS", "redis:6379")
                .withExposedPorts(8080)
                .waitingFor(Wait.forHttp("/health"))) {
      redis.start();
      app.start();
      URI address = URI.create("http://" + app.getHost() + ":" + app.getMappedPort(8080) + "/");
      assertEquals("1", visit(address));
      assertEquals("2", visit(address));
    }
  }

  /** A container of the image whose reference the variable has. */
  private static GenericContainer<?> container(String variable) {
    return new GenericContainer<>(DockerImageName.parse(System.getenv(variable)));
  }
  // docs:end test

  /** What the application answers. */
  private static String visit(URI address) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(address).build();
    return HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
  }
}
