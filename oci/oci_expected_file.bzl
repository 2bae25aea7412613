"""Defines `oci_expected_file`."""

load("//oci/private:expected_file.bzl", "expected_file_error")

visibility("public")

def oci_expected_file(
        *,
        content = None,
        content_matches = [],
        content_lacks = [],
        mode = None,
        owner = None,
        type = None,  # buildifier: disable=redefined-builtin
        target = None):
    """What is expected at a path of an image: a value of `oci_image_test(files = {...})`.

    What is `None` or empty is not looked at; without any argument, that there is something at the path.

    ```starlark
    oci_image_test(
        name = "image_test",
        files = {
            "/etc/app.conf": oci_expected_file(content_matches = ["^port = 80$"], owner = "app:app"),
            "/usr/bin/app": oci_expected_file(mode = "0755", type = "file"),
        },
        image = ":image",
    )
    ```

    Args:
      content: string; the whole content. To compare it with a file of the build, see `oci_image_test(file_contents = ...)`.
      content_matches: list of [regular expressions](https://docs.rs/regex-lite/latest/regex_lite/#syntax), each of which matches
        somewhere in the content; `^` and `$` match at each line.
      content_lacks: list of regular expressions that match nowhere in the content.
      mode: string; the permissions, three or four octal digits, like `0755` or `4755`.
      owner: string; `user:group`, each a number, or a name that `/etc/passwd` and `/etc/group` of the image know.
      type: string; `file`, `directory`, `symlink`, `character_device`, `block_device` or `fifo`. A symbolic link at the path is
        followed, unless it is `symlink`, or there is a `target`.
      target: string; where the symbolic link leads, exactly as it is written in it.

    Returns:
      A string (JSON).
    """
    error = expected_file_error(
        content = content,
        content_lacks = content_lacks,
        content_matches = content_matches,
        mode = mode,
        owner = owner,
        target = target,
        type_name = type,
    )
    if error:
        fail("oci_expected_file: {}".format(error))
    return json.encode({
        "content": {"text": content, "matches": content_matches, "lacks": content_lacks},
        "mode": mode,
        "owner": owner,
        "type": type,
        "target": target,
    })
