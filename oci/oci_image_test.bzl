"""Defines `oci_image_test`."""

load("//oci/private:image_expectations.bzl", "OPTIONAL_EXPECTATIONS")
load("//oci/private:image_test.bzl", _oci_image_test = "oci_image_test")

visibility("public")

def oci_image_test(
        *,
        name,
        image,
        files = {},
        file_contents = {},
        absent = [],
        entrypoint = None,
        cmd = None,
        env = {},
        env_matches = {},
        env_absent = [],
        labels = {},
        labels_match = {},
        labels_absent = [],
        user = None,
        workdir = None,
        exposed_ports = None,
        volumes = None,
        stop_signal = None,
        layer_count = -1,
        max_layer_count = -1,
        max_size = "",
        max_layer_size = "",
        no_shell = False,
        no_setuid = False,
        no_world_writable = False,
        exempt = [],
        commands = {},
        engine = "daemon",
        network = "none",
        without_engine = "fail",
        emulation = False,
        **kwargs):
    """A test of what an image is: its config, its files, and what commands do in it. See [Tests of images](image_test.md).

    ```starlark
    oci_image_test(
        name = "image_test",
        absent = ["/**/*.pem"],
        commands = {"version": oci_expected_command(args = ["--version"], stdout_matches = ["^app "])},
        entrypoint = ["/usr/bin/app"],
        files = {"/usr/bin/app": oci_expected_file(mode = "0755", owner = "0:0")},
        image = ":image",
        max_size = "200m",
        no_shell = True,
        user = "app",
    )
    ```

    Each expectation is a test case, and all that differs is told. What is not given is not looked at. But for `commands`, nothing is
    run and no container engine is needed: the image's description and its layers are read, and layers are made or fetched only if
    something is expected of files.

    Args:
      name: string; the target's name.
      image: label; an `oci_image`, an `oci_import`, or any target with one directory in the OCI layout, such as rules_oci's
        `oci_image`.
      files: dict of absolute paths to `oci_expected_file(...)`.
      file_contents: dict of absolute paths to labels of files: the file at the path has the same content.
      absent: list of absolute paths at which there is nothing, or of globs: `?` is one character and `*` any number of them within a
        part of a path, `**` any number of parts. A path is looked up through symbolic links to directories (`/bin/sh` where `/bin`
        leads to `/usr/bin`); a glob is compared with the paths as the layers have them.
      entrypoint: list of strings; the entrypoint, exactly. An empty list expects none.
      cmd: list of strings; the cmd, exactly.
      env: dict of variables to their values. There may be others.
      env_matches: dict of variables to [regular expressions](https://docs.rs/regex-lite/latest/regex_lite/#syntax) that match
        somewhere in their values.
      env_absent: list of variables that are not set.
      labels: dict of labels to their values. There may be others.
      labels_match: dict of labels to regular expressions, such as `^[0-9a-f]{40}$` for a commit.
      labels_absent: list of labels that are not there.
      user: string; the user, exactly as the config has it.
      workdir: string; the working directory.
      exposed_ports: list of strings like `8080` or `53/udp`; all ports, in any order.
      volumes: list of paths; all volumes, in any order.
      stop_signal: string; the signal that stops a container.
      layer_count: int; the number of layers, those of the base included.
      max_layer_count: int; the largest number of layers.
      max_size: string like `200m` or `1g`; the most that all layers have together, uncompressed.
      max_layer_size: string; the most that each layer has, uncompressed.
      no_shell: bool; whether no folder named `bin` or `sbin` has a shell, or a link that is called like one.
      no_setuid: bool; whether no file has the setuid or the setgid bit.
      no_world_writable: bool; whether everybody can write no file, and no directory but those with the sticky bit, like `/tmp`.
      exempt: list of globs of paths that `no_shell`, `no_setuid` and `no_world_writable` do not look at.
      commands: dict of names to `oci_expected_command(...)`.
      engine: string; what runs the containers of `commands`: `daemon`, the container engine that a load would use; `sandbox`, an OCI
        runtime (`crun`, `runc`) of the machine, without a daemon.
      network: string; what `commands` can reach: `none`, nothing; `default`, what containers of the engine can by default; `host`,
        what this machine can.
      without_engine: string; what becomes of `commands` where no container engine answers: `fail`, or `skip`, and the other
        expectations decide. Bazel keeps that result on this machine as it keeps any other, also when an engine is there later; it does
        not go into a remote cache.
      emulation: bool; whether commands are run also in an image for another platform than the engine's, for an engine that can.
      **kwargs: [attributes that all tests
        have](https://bazel.build/reference/be/common-definitions#common-attributes-tests).
    """
    optional = {
        "cmd": cmd,
        "entrypoint": entrypoint,
        "exposed_ports": exposed_ports,
        "stop_signal": stop_signal,
        "user": user,
        "volumes": volumes,
        "workdir": workdir,
    }
    given = {attribute: value for attribute, value in optional.items() if value != None}
    _oci_image_test(
        name = name,
        absent = absent,
        commands = commands,
        emulation = emulation,
        engine = engine,
        env = env,
        env_absent = env_absent,
        env_matches = env_matches,
        exempt = exempt,
        file_contents = file_contents,
        files = files,
        given = [attribute for attribute in OPTIONAL_EXPECTATIONS if attribute in given],
        image = image,
        labels = labels,
        labels_absent = labels_absent,
        labels_match = labels_match,
        layer_count = layer_count,
        max_layer_count = max_layer_count,
        max_layer_size = max_layer_size,
        max_size = max_size,
        network = network,
        no_setuid = no_setuid,
        no_shell = no_shell,
        no_world_writable = no_world_writable,
        without_engine = without_engine,
        **(kwargs | given)
    )
