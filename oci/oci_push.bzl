"""Defines `oci_push`."""

load("//oci/private:push.bzl", _oci_push = "oci_push")
load("//oci/private:repo_tags.bzl", "remote_tags_error", "repo_tags_file")

visibility("public")

def oci_push(
        *,
        name,
        image = None,
        repository = "",
        repository_file = None,
        remote_tags = [],
        images = {},
        stamp = -1,
        **kwargs):
    """An executable target that pushes one or several images to registries and sends only what these lack.

    ```starlark
    oci_push(
        name = "push",
        image = ":image",
        repository = "registry.example/team/app",
        remote_tags = ["v1", "latest"],
    )
    ```

    `bazel run //app:push` pushes the image by its digest and then moves the tags; `bazel run //app:push -- --help` shows the
    flags. Building it compresses the layers, and writes none of them as an uncompressed tar.

    Several images come in one push, and a layer that they share is sent once:

    ```starlark
    oci_push(
        name = "push_all",
        images = {
            "registry.example/team/app:v1": ":app",
            "registry.example/team/db": ":db",  # no tag: by its digest alone
        },
    )
    ```

    Everywhere in repositories, tags and references, `{{KEY}}` is replaced by that key's value in
    [Bazel's workspace status](https://bazel.build/docs/user-manual#workspace-status) if the target is stamped, and otherwise
    by `unstamped`; an unknown key is an error. What cannot be a repository or a tag is an error of the build.

    Args:
      name: string; the target's name, and the name of its executable.
      image: label; an `oci_image`, an `oci_import`, an `oci_index`, or a target with one directory in the OCI layout, such as
        rules_oci's `oci_image`; or an `oci_bundle`, which says itself where its images go. Either this or `images` is given.
      repository: string; where the image goes, without a tag: `registry.example/team/app`. `--repository` at run time names
        another one.
      repository_file: label; a file with the repository, on a line of its own, instead of `repository`.
      remote_tags: list of tags; or the label of a file with one a line, as in rules_oci. Without any, the image is pushed by
        its digest alone. `--tag` at run time adds one.
      images: dict of references to labels, instead of `image`, `repository` and `remote_tags`. A reference is a repository
        with a tag or without; an image that has several is pushed to each.
      stamp: int; whether the workspace status is filled in: `1` always, `0` never, `-1` with `--stamp`.
      **kwargs: [attributes that all executable rules
        have](https://bazel.build/reference/be/common-definitions#common-attributes-binaries). `args` are flags of the push,
        as they would follow `--` in `bazel run`.
    """
    error = remote_tags_error(remote_tags)
    if error:
        fail("oci_push `{}`: attribute `remote_tags`: {}".format(name, error))
    tags_file = repo_tags_file(remote_tags)
    _oci_push(
        name = name,
        image = image,
        images = images,
        remote_tags = [] if tags_file else remote_tags,
        remote_tags_file = tags_file,
        repository = repository,
        repository_file = repository_file,
        stamp = stamp,
        **kwargs
    )
