"""Defines `oci_incremental_load`."""

load("//oci/private:load.bzl", _oci_incremental_load = "oci_incremental_load")
load("//oci/private:repo_tags.bzl", "repo_tags_error", "repo_tags_file")

visibility("public")

def oci_incremental_load(*, name, image = None, repo_tags = [], images = {}, stamp = -1, **kwargs):
    """An executable target that loads one or several images into a container engine and sends only what it lacks.

    ```starlark
    oci_incremental_load(
        name = "load",
        image = ":image",
        repo_tags = ["app:dev"],
    )
    ```

    `bazel run //app:load` loads and tags the image; `bazel run //app:load -- --help` shows the flags. As `data` of a test,
    the target's executable does the same from the test's runfiles. Building it writes the layers as uncompressed tars, and
    compresses nothing.

    Several images come in one load, and a layer that they share is sent once:

    ```starlark
    oci_incremental_load(
        name = "load_all",
        images = {
            "app:dev": ":app",
            "db:dev": ":db",
        },
    )
    ```

    Of an `oci_index` the image for the engine's platform is loaded, or the one for which `--platform=linux/arm64` at run time
    asks. The layers of all its images are built, since which engine it will be is not known then.

    The file `<name>.json`, which is the target `//app:load.json` too and is among the runfiles, tells what is loaded before anything
    is: `label`, `image_id`, `config_digest`, `manifest_digest`, `references`, `platform`, and the same for each image in `images`;
    of several images, the list has all that there is. See [docs/load.md](load.md#what-is-loaded).

    The output group `docker_archive` is a tar of the images with their tags, for `docker load`; of an index it has the image for
    the target platform.

    Args:
      name: string; the target's name, and the name of its executable. `<name>.json` is a target of the package from then on: beside a
        source file `package.json` the load cannot be called `package`, since the file's label would be that of the load's.
      image: label; an `oci_image`, an `oci_import`, an `oci_index`, or a target with one directory in the OCI layout, such as
        rules_oci's `oci_image`; or an `oci_bundle`, which says itself how its images are called. Either this or `images` is
        given.
      repo_tags: list of references like `app:dev`; or the label of a file with one a line, as in rules_oci. A reference
        without a tag gets `latest`. `{{KEY}}` is replaced by that key's value in
        [Bazel's workspace status](https://bazel.build/docs/user-manual#workspace-status) if the target is stamped, and
        otherwise by `unstamped`; an unknown key is an error. `--tag` at run time adds a reference.
      images: dict of references to labels, instead of `image` and `repo_tags`. The references are like those of `repo_tags`;
        an image that has several stands behind each.
      stamp: int; whether the workspace status is filled in: `1` always, `0` never, `-1` with `--stamp`.
      **kwargs: [attributes that all executable rules
        have](https://bazel.build/reference/be/common-definitions#common-attributes-binaries). `args` are flags of the load,
        as they would follow `--` in `bazel run`.
    """
    error = repo_tags_error(repo_tags)
    if error:
        fail("oci_incremental_load `{}`: attribute `repo_tags`: {}".format(name, error))
    tags_file = repo_tags_file(repo_tags)
    _oci_incremental_load(
        name = name,
        facts = name + ".json",
        image = image,
        images = images,
        repo_tags = [] if tags_file else repo_tags,
        repo_tags_file = tags_file,
        stamp = stamp,
        **kwargs
    )
