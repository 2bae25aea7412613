"""What a test that loads images, or makes containers of them, wants of where it runs."""

visibility(["//oci/..."])

def test_requirements(*, layers, without_engine, engine = "daemon", network = "none"):
    """Tells Bazel where and how a test can run.

    Args:
      layers: list of `OciLayerInfo`; those that an engine may be sent, or only those of them that the test does not carry.
      without_engine: string; what becomes of the test where there is no engine, `fail` or `skip`.
      engine: string; one of `RUN_ENGINES`.
      network: string; what commands in containers can reach.

    Returns:
      dict of strings.
    """
    requirements = {}
    if engine == "sandbox":
        # There are no namespaces to make in Bazel's own.
        requirements["no-sandbox"] = "1"

    # What the engine lacks of a registry's layers is fetched on the way.
    if network != "none" or [layer for layer in layers if layer.delivered == "registry"]:
        requirements["requires-network"] = "1"
    if without_engine == "skip":
        # What passes here because it is skipped has not passed on a machine with an engine.
        requirements["no-remote-cache"] = "1"
    return requirements

def execution_info(requirements, *, test = None):
    """Returns the providers that say what a test wants of where it runs.

    Args:
      requirements: dict of strings.
      test: `None`, or the `Target` of another test whose requirements are kept.

    Returns:
      list of one `testing.ExecutionInfo`, or of none.
    """
    if not test or testing.ExecutionInfo not in test:
        return [testing.ExecutionInfo(requirements)] if requirements else []
    own = test[testing.ExecutionInfo]
    return [testing.ExecutionInfo(own.requirements | requirements, exec_group = own.exec_group)]
