"""Defines `oci_run_and_commit`."""

load("//oci/private:run_image.bzl", _oci_run_and_commit = "oci_run_and_commit")
load("//oci/private:value_or_file.bzl", "image_arguments")

visibility("public")

# Attributes that may be a value or the label of a file.
_IMAGE_ARGUMENTS = ["annotations", "created", "env", "labels"]

def oci_run_and_commit(*, name, base, commands = [], argv = [], **kwargs):
    """An image with one more layer: what commands leave behind in a container. See [Commands in containers](run.md).

    ```starlark
    oci_run_and_commit(
        name = "with_tools",
        base = "@debian",
        commands = ["apt-get install --yes --no-install-recommends /in/*.deb"],
        inputs = {"/in/": "@tools//:debs"},
        entrypoint = ["/usr/bin/tool"],
    )
    ```

    It can stand wherever an `oci_image` can, also as the base of another run, and has the same outputs and output groups. The
    commands run when something asks for the layer or its digest, so also when the image alone is built; a second build runs
    nothing.

    Args:
      name: string; the target's name.
      base: label; the image that the container is made of and that the layer is added to.
      commands: list of strings; what runs, one after the other, each by `/bin/sh -e -c`. The first that fails ends it. Nothing
        is expanded or escaped on the way.
      argv: list of strings; instead of `commands`: one program and its arguments, without a shell.
      **kwargs: what the commands see, as in `oci_run_and_commit_layer`: `shell`, `run_env`, `run_user`, `run_workdir`, `inputs`,
        `caches`, `secrets`, `tmpfs`, `memory`, `cpus`, `timeout`, `network`, `engine`, `platform`. What becomes of the layer:
        `allow_empty`, `normalize`, `compression`. What the image's config says, as in `oci_image`, which the commands do *not*
        see: `entrypoint`, `cmd`, `env`, `labels`, `annotations`, `user`, `workdir`, `exposed_ports`, `volumes`, `stop_signal`,
        `healthcheck`, `os`, `os_version`, `os_features`, `architecture`, `variant`, `created`, `author`, `history`, `comment`,
        `reset`, `stamp`. And [attributes that all rules
        have](https://bazel.build/reference/be/common-definitions#common-attributes).
    """
    image = {attribute: kwargs.pop(attribute) for attribute in _IMAGE_ARGUMENTS if attribute in kwargs}
    _oci_run_and_commit(
        name = name,
        argv = argv,
        base = base,
        commands = commands,
        **(kwargs | image_arguments(name = name, rule = "oci_run_and_commit", **image))
    )
