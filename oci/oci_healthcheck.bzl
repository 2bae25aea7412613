"""Defines `oci_healthcheck`."""

load("//oci/private:healthcheck.bzl", "healthcheck_error")

visibility("public")

def oci_healthcheck(*, test, interval = None, timeout = None, start_period = None, start_interval = None, retries = None):
    """How an engine finds out whether a container works: the value of `oci_image(healthcheck = ...)`.

    ```starlark
    oci_image(
        name = "image",
        healthcheck = oci_healthcheck(
            test = ["CMD", "/app/server", "--check"],
            interval = "30s",
            retries = 3,
        ),
    )
    ```

    The fields are those of [Docker's image format](https://github.com/moby/docker-image-spec/blob/v1.3.1/specs-go/v1/image.go).
    Durations are a number and one of the units `ns`, `us`, `ms`, `s`, `m`, `h`, or several of these: `1m30s`. What is `None`
    is left to the engine.

    Args:
      test: list of strings; `["CMD", program, argument, ...]`, `["CMD-SHELL", command]`, or `["NONE"]`, which turns the
        base's off.
      interval: string; duration between two checks.
      timeout: string; duration after which a check has failed.
      start_period: string; duration in which a container may start without a failed check being counted.
      start_interval: string; duration between two checks in the start period.
      retries: int; how many failed checks in a row make a container unhealthy.

    Returns:
      A string (JSON).
    """
    durations = {
        "interval": interval,
        "timeout": timeout,
        "start_period": start_period,
        "start_interval": start_interval,
    }
    error = healthcheck_error(durations = durations, retries = retries, test = test)
    if error:
        fail("oci_healthcheck: {}".format(error))
    fields = {"test": test} | durations | {"retries": retries}
    return json.encode({name: value for name, value in fields.items() if value != None})
