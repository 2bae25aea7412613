// A test that tells how it was started, and ends as its arguments say. What it writes is compared: without `oci_test`, and with it.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_sigterm(int number) {
  static const char text[] = "ended by SIGTERM\n";
  (void)number;
  if (write(STDOUT_FILENO, text, sizeof text - 1) < 0) _exit(4);
  _exit(3);
}

static void tell(const char* name) {
  const char* value = getenv(name);
  printf("%s is %s\n", name, value ? value : "not set");
}

static int write_file(const char* variable, const char* text) {
  const char* path = getenv(variable);
  FILE* file = path ? fopen(path, "w") : NULL;
  if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
    fprintf(stderr, "`%s` cannot be written\n", variable);
    return 2;
  }
  return 0;
}

// What an argument asks for, if anything; the exit code.
static int obey(const char* argument) {
  if (strncmp(argument, "exit=", 5) == 0) exit(atoi(argument + 5));
  if (strncmp(argument, "signal=", 7) == 0) return raise(atoi(argument + 7));
  if (strncmp(argument, "sleep=", 6) == 0) return (int)sleep((unsigned)atoi(argument + 6));
  if (strncmp(argument, "tell=", 5) == 0) tell(argument + 5);
  if (strcmp(argument, "xml") == 0) {
    return write_file("XML_OUTPUT_FILE", "<testsuites><testsuite name=\"its own\" tests=\"1\"/></testsuites>\n");
  }
  return 0;
}

int main(int argc, char** argv) {
  signal(SIGTERM, on_sigterm);
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; i < argc; i++) printf("argument: %s\n", argv[i]);
  tell("PROBE_SET");
  tell("PROBE_INHERITED");
  tell("TEST_SHARD_INDEX");
  tell("TEST_TOTAL_SHARDS");
  tell("TESTBRIDGE_TEST_ONLY");
  // Bazel wants to know that a test does its part alone.
  int code = getenv("TEST_SHARD_STATUS_FILE") ? write_file("TEST_SHARD_STATUS_FILE", "") : 0;
  for (int i = 1; i < argc && code == 0; i++) code = obey(argv[i]);
  return code;
}
