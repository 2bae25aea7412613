"""Defines `oci_metadata`."""

load("//oci/private:ownership.bzl", "metadata_error")

visibility("public")

def oci_metadata(*, owner = None, mode = None, mtime = None):
    """Metadata for the paths of a layer that match a glob: a value of `oci_layer(metadata = {...})`.

    What is `None` stays as it is.

    ```starlark
    oci_layer(
        name = "app",
        srcs = {"/app/bin": "//cmd:app"},
        metadata = {
            "/app/**": oci_metadata(owner = "app:app"),
            "/app/bin": oci_metadata(mode = "4755"),
        },
    )
    ```

    Args:
      owner: string; `user:group`, each a number or a name that `passwd` and `group` of the layer know.
      mode: string; three or four octal digits, like `0755` or `4755`.
      mtime: int; the modification time in seconds since the epoch.

    Returns:
      A string (JSON).
    """
    given = {
        "owner": owner,
        "mode": mode,
        "mtime": mtime,
    }
    fields = {name: value for name, value in given.items() if value != None}
    error = metadata_error(fields)
    if error:
        fail("oci_metadata: {}".format(error))
    return json.encode(fields)
