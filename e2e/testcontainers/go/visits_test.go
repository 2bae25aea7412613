// Package visits_test asks an application that counts its visits in Redis.
package visits_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// docs:begin test
func TestVisitsAreCounted(t *testing.T) {
	ctx := t.Context()
	net, err := network.New(ctx)
	testcontainers.CleanupNetwork(t, net)
	if err != nil {
		t.Fatal(err)
	}
	redis, err := testcontainers.Run(ctx, os.Getenv("REDIS_IMAGE"),
		network.WithNetwork([]string{"redis"}, net),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections")))
	testcontainers.CleanupContainer(t, redis)
	if err != nil {
		t.Fatal(err)
	}
	app, err := testcontainers.Run(ctx, os.Getenv("APP_IMAGE"),
		network.WithNetwork([]string{"app"}, net),
		testcontainers.WithEnv(map[string]string{"REDIS": "redis:6379"}),
		testcontainers.WithExposedPorts("8080/tcp"),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/health").WithPort("8080/tcp")))
	testcontainers.CleanupContainer(t, app)
	if err != nil {
		t.Fatal(err)
	}
	for _, expected := range []string{"1", "2", "3"} {
		if found := visit(t, ctx, app); found != expected {
			t.Errorf("found %q visits, expected %q", found, expected)
		}
	}
}

// docs:end test

// visit asks the application for its page.
func visit(t *testing.T, ctx context.Context, app testcontainers.Container) string {
	t.Helper()
	address, err := app.PortEndpoint(ctx, "8080/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatal(fmt.Errorf("`%s` answered %s: %s", address, answer.Status, text))
	}
	return strings.TrimSpace(string(text))
}
