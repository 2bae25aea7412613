// Loads the application's image and asks a container of it.

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// What a command writes; ends the test if the command fails.
std::string Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) std::exit(2);
  std::string output;
  char buffer[4096];
  while (size_t count = fread(buffer, 1, sizeof buffer, pipe)) {
    output.append(buffer, count);
  }
  if (pclose(pipe) != 0) {
    std::fprintf(stderr, "`%s` failed\n", command.c_str());
    std::exit(1);
  }
  // Without the end of the line.
  return output.substr(0, output.find_last_not_of('\n') + 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string load = argv[1];
  // One line: the image's ID in this engine.
  const std::string image = Output(load + " --print=id");
  const std::string greeting = Output("docker run --rm --network=none --pull=never " + image);
  std::printf("%s\n", greeting.c_str());
  return greeting == "Hello from a test's image." ? 0 : 1;
}
