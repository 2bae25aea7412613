"""Defines `oci_image`."""

load("//oci/private:image.bzl", _oci_image = "oci_image")
load("//oci/private:value_or_file.bzl", "image_arguments")

visibility("public")

def oci_image(
        *,
        name,
        base = None,
        layers = [],
        entrypoint = [],
        cmd = [],
        env = {},
        labels = {},
        annotations = {},
        user = "",
        workdir = "",
        exposed_ports = [],
        volumes = [],
        stop_signal = "",
        healthcheck = "",
        os = "",
        os_version = "",
        os_features = [],
        architecture = "",
        variant = "",
        created = "",
        author = "",
        history = [],
        comment = "",
        reset = [],
        stamp = -1,
        **kwargs):
    """A container image: a base, layers on top of it, and the config.

    ```starlark
    oci_image(
        name = "image",
        base = "@debian",
        layers = [":app_layer"],
        entrypoint = ["/app/server"],
        env = {"PATH": "/app:$PATH"},
        exposed_ports = ["8080/tcp"],
        labels = {"org.opencontainers.image.revision": "{{STABLE_GIT_COMMIT}}"},
    )
    ```

    The default outputs are the config and the description, a few kilobytes of JSON: building an image writes no layer.

    In the values of `env`, `labels`, `annotations`, `created`, `author`, `history` and `comment`, `{{KEY}}` is replaced by that
    key's value in [Bazel's workspace status](https://bazel.build/docs/user-manual#workspace-status) if the target is stamped,
    and otherwise by `unstamped`; an unknown key is an error. What is not letters, digits and underscores between braces stays as
    it is. Only config and manifest are made again for a new status, no layer.

    Output groups:

    - `oci_layout`: a directory in the OCI layout with real files, as rules_oci's rules take it:
      `filegroup(name = "layout", srcs = [":image"], output_group = "oci_layout")`.
    - `docker_archive`: a tar for `docker load`.
    - `intermediate`: a directory with `config.json`, `manifest.json`, and for each layer `001.tar`, `001.diff_id`,
      `001.tar.gz` (or `.tar.zst`) and `001.sha256`.
    - `digest`: a file with the manifest's digest, `sha256:<hex>`.

    Args:
      name: string; the target's name.
      base: label; the image to add to: an `oci_image`, an `oci_import`, or any target with one directory in the OCI layout, such
        as rules_oci's `oci_image`. Without it the image begins with nothing. What the base's config says is inherited.
      layers: list of labels; what to add, the bottom layer first: `oci_layer` targets, or targets and files that are tars
        (`.tar`, `.tar.gz`, `.tgz`, `.tar.zst`, `.tzst`). Each tar is a layer. An uncompressed one is pushed with the
        compression that the build setting `@rules_stevedore//oci:compression` says; a compressed one as it is. A tar is read
        once for all images that have it; only a source file that is named here directly is read by each of them (a `filegroup`
        around it helps).
      entrypoint: list of strings; the command that a container begins with: the program and its arguments. Replaces the base's,
        and clears the base's `cmd`. Empty: the base's stays (see `reset`).
      cmd: list of strings; arguments for `entrypoint`, or the command if there is none, which the user of the image can
        replace. Replaces the base's. Empty: the base's stays (see `reset`).
      env: dict of environment variables; or the label of a file with `KEY=VALUE` a line. They are added to the base's, or
        replace them. `$NAME` and `${NAME}` in a value are the base's variable, or one above in this attribute; nothing if there
        is none. `$$` is a dollar sign.
      labels: dict; or the label of a file with `KEY=VALUE` a line. Labels of the image's config. They are added to the base's,
        or replace them. In such a file, empty lines and those that begin with `#` stand for nothing.
      annotations: dict; or the label of a file with `KEY=VALUE` a line. Annotations of the image's manifest.
      user: string; the user that the command runs as: `user`, `uid`, `user:group`, `uid:gid`. Empty: the base's.
      workdir: string; the working directory of the command, an absolute path. Empty: the base's.
      exposed_ports: list of ports that the image serves: `8080` (tcp), `8080/tcp`, `53/udp`. They are added to the base's.
      volumes: list of absolute paths of directories that are to be volumes. They are added to the base's.
      stop_signal: string; the signal that stops a container: a name like `SIGTERM`, or a number. Empty: the base's.
      healthcheck: how an engine finds out whether a container works: `oci_healthcheck(...)`. Empty: the base's.
      os: string; the operating system, [as Go names it](https://go.dev/doc/install/source#environment). Empty: the base's;
        without a base that of the target platform (on macOS: `linux`). One that differs from the base's is an error.
      os_version: string; the version of the operating system, which Windows compares with its own: `10.0.20348.2582`. Empty:
        the base's.
      os_features: list of what the image needs of the operating system: `win32k`. Empty: the base's.
      architecture: string; the processor architecture, as Go names it: `amd64`, `arm64`. Empty: the base's; without a base that
        of the target platform. One that differs from the base's is an error.
      variant: string; the variant of the architecture, like `v8`. Empty: the base's; without a base that of the target
        platform.
      created: string; the image's creation time, as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6) has it:
        `2026-01-31T12:00:00Z`; or seconds since 1970, like `{{BUILD_TIMESTAMP}}`; or the label of a file with either. Empty,
        or with a placeholder in a build that is not stamped: `1970-01-01T00:00:00Z`, so that the same inputs make the same
        image.
      author: string; who made the image, for the config and its history. Empty: the base's.
      history: list of strings; what `docker history` says of the layers that are added, the bottom one first. A layer without
        one has the label of its target. Each string beyond the layers is an entry without a layer.
      comment: string; the comment that the entries in the history have.
      reset: list of what of the base's config is not inherited: `cmd`, `entrypoint`, `env`, `exposed_ports`, `healthcheck`,
        `labels`, `stop_signal`, `user`, `volumes`, `workdir`. `entrypoint` and `cmd` are then null. For those that are added to
        the base's (`env`, `labels`, ...), the image begins with none.
      stamp: int; whether the workspace status is filled in: `1` always, `0` never, `-1` with `--stamp`.
      **kwargs: [attributes that all rules have](https://bazel.build/reference/be/common-definitions#common-attributes).
    """
    _oci_image(
        name = name,
        architecture = architecture,
        author = author,
        base = base,
        cmd = cmd,
        comment = comment,
        entrypoint = entrypoint,
        exposed_ports = exposed_ports,
        healthcheck = healthcheck,
        history = history,
        layers = layers,
        os = os,
        os_features = os_features,
        os_version = os_version,
        reset = reset,
        stamp = stamp,
        stop_signal = stop_signal,
        user = user,
        variant = variant,
        volumes = volumes,
        workdir = workdir,
        **(kwargs | image_arguments(
            name = name,
            annotations = annotations,
            created = created,
            env = env,
            labels = labels,
            rule = "oci_image",
        ))
    )
